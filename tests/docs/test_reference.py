"""The reference pages and what they describe: neither may have what the other lacks."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import msgspec
import pytest

import tambah
from tambah.api import refusals as api
from tambah.api.rest.routes import ROUTES, SCOPES
from tambah.cli import _root  # pyright: ignore[reportPrivateUsage]
from tambah.config import Operator, Settings
from tambah.desks.usage_import import COLUMNS as USAGE_COLUMNS
from tambah.domain.approval import ApprovalState
from tambah.domain.article import ArticleKind
from tambah.domain.balance import BucketKind
from tambah.domain.finance.closing import Measure, PeriodKind
from tambah.domain.gift import GiftKind
from tambah.domain.guessing import Audience
from tambah.domain.ledger import Account, TransferKind
from tambah.domain.line import Language, LineState
from tambah.domain.point import PointKind
from tambah.domain.refusals import every_refusal
from tambah.domain.seller import SellerState
from tambah.domain.sim import SimKind, SimState
from tambah.domain.staff import StaffState
from tambah.domain.state import TopUpSource
from tambah.domain.ticket import Author, TicketState
from tambah.domain.voucher import BatchState, VoucherState
from tambah.engine import administer
from tambah.engine.importing.reading import COLUMNS
from tambah.engine.points.rows import HEADER as POINTS
from tambah.engine.sims import COLUMNS as SIM_COLUMNS
from tambah.engine.verifying import FindingKind
from tambah.i18n.sms_linter import WORST_PARAMS
from tambah.store.outbox import MessageState

ROOT = Path(__file__).parents[2]
SOURCES = Path(tambah.__file__).parent
REFERENCE = ROOT / "docs" / "reference"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_CODES = re.compile(
    r'CommandRefused\(\s*"([a-z_]+)"|BadRow\("", "([a-z_]+)"'
    r'|^    code = "([a-z_]+)"|^        return "([a-z_]+)", ',
    re.MULTILINE,
)
_FOR_TESTS = {
    "TAMBAH_TEST_DATABASE_URL",
    "TAMBAH_BENCH_DIR",
    "TAMBAH_SPECS_DIR",
    "TAMBAH_TELEPHONE_DIR",
    "TAMBAH_TELEPHONE_WORLD",
    "TAMBAH_DIAMETER_DIR",
    "TAMBAH_DIAMETER_WORLD",
}
# Not of the environment: a variable of Asterisk's dialplan.
_OF_THE_DIALPLAN = {"TAMBAH_NEXT"}
_OF_GATEWAYS = {"TAMBAH_GATEWAY_NAME_SECRET"}
"""Made of a gateway's name."""
_OF_THE_EMBEDDED_SERVER = {"TAMBAH_POSTGRES_USER", "TAMBAH_POSTGRES_SETTINGS"}
_FOR_SCRIPTS = {"TAMBAH_API_KEY"}


def rows(page: Path, heading: str = "") -> list[list[str]]:
    """Return the cells of the first table below a heading, the rows of titles left out."""
    text = page.read_text(encoding="utf-8")
    if heading:
        text = re.split(rf"^#+ {re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)[1]
    found: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("|"):
            found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif found:
            break
    return found[2:]


def names(cell: str) -> list[str]:
    """Return what stands in backquotes in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def firsts(page: Path, heading: str = "") -> list[str]:
    """Return the names in a table's first column, in their order."""
    return [name for row in rows(page, heading) for name in names(row[0])]


def anchor(heading: str) -> str:
    """Return a heading's anchor, as GitHub makes it."""
    bare = re.sub(r"[^\w\- ]", "", heading.lower())
    return bare.replace(" ", "-")


# Configuration


def test_every_variable_is_described_with_its_default():
    described = {
        names(row[0])[0]: (names(row[1]) or [""])[0]
        for row in rows(REFERENCE / "configuration.md", "Variables")
    }
    fields = msgspec.structs.fields(Settings)
    assert described == {f"TAMBAH_{field.name.upper()}": str(field.default) for field in fields}


def test_every_variable_that_the_sources_name_is_described():
    named = {
        found
        for path in [*SOURCES.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
        for found in re.findall(r"TAMBAH_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))
        if not found.startswith("TAMBAH_GATEWAY")
    }
    settings = {f"TAMBAH_{name.upper()}" for name in Settings.__struct_fields__}
    plain = {name.removesuffix("_FILE") if name[:-5] in settings else name for name in named}
    page = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
    assert {name for name in plain if f"`{name}`" not in page} == set()
    assert set(re.findall(r"`(TAMBAH_[A-Z_]+)`", page)) == (
        settings
        | _OF_GATEWAYS
        | _OF_THE_EMBEDDED_SERVER
        | _FOR_TESTS
        | _OF_THE_DIALPLAN
        | _FOR_SCRIPTS
    )


def tables_of(operator: type[msgspec.Struct]) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Return operator.toml's tables by the heading that each has on the page."""
    yield "The file itself", operator
    for field in msgspec.structs.fields(operator):
        for part in (field.type, *getattr(field.type, "__args__", ())):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                yield field.name, part


@pytest.mark.parametrize(("heading", "table"), list(tables_of(Operator)))
def test_every_entry_of_operator_toml_is_described_with_its_default(
    heading: str, table: type[msgspec.Struct]
):
    described = {
        names(row[0])[0]: "required" if row[1] == "required" else (names(row[1]) or [""])[0]
        for row in rows(REFERENCE / "configuration.md", heading)
    }
    assert described == {f.name: shown_default(f) for f in msgspec.structs.fields(table)}


def shown_default(field: msgspec.structs.FieldInfo) -> str:
    """Return a default as the page writes it: as TOML, nothing for a table of its own."""
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.json.encode(field.default_factory()).decode()
    if field.default is msgspec.NODEFAULT:
        return "required"
    if field.default is None or isinstance(field.default, msgspec.Struct):
        return ""
    return (
        msgspec.json.format(msgspec.json.encode(field.default), indent=-1)
        .decode()
        .replace(",", ", ")
    )


def test_the_demo_operator_is_a_complete_example():
    content = tomllib.loads((SOURCES / "demo_operator.toml").read_text(encoding="utf-8"))
    assert sorted(content) == sorted(Operator.__struct_fields__)


# Commands


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Return every command there is, loaded, by what is typed to reach it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        _, found, _ = group.resolve_command(context, [name])
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, f"{path} {name}")
        else:
            yield f"{path} {name}", found


def test_every_command_is_described_with_its_arguments_and_options():
    page = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    described = {
        found: row
        for row in re.findall(r"^\| `tambah .*$", page, re.MULTILINE)
        for found in names(row)[:1]
    }
    usual = {"--json", "--reason", "--key", "--help"}
    problems: list[str] = []
    typed: set[str] = set()
    for path, command in commands(_root(), "tambah"):
        arguments = [
            p.human_readable_name for p in command.params if p.param_type_name == "argument"
        ]
        line = " ".join([path, *(name.upper() for name in arguments)])
        typed.add(line)
        options = {o for p in command.params if p.param_type_name == "option" for o in p.opts}
        row = described.get(line, "")
        problems += [f"{line}: {o}" for o in sorted(options - usual) if f"`{o}`" not in row]
    assert sorted(described) == sorted(typed)
    assert problems == []


def test_every_make_target_is_described():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    helped = re.findall(r'@echo "make ([\w-]+)', makefile)
    described = firsts(REFERENCE / "commands.md", "Make")
    assert described == [f"make {target}" for target in helped]


def test_the_doors_codes_of_the_command_line_are_described():
    used = {
        code
        for path in [*(SOURCES / "cli").glob("*.py"), *(SOURCES / "engine").rglob("*.py")]
        for found in _CODES.findall(path.read_text(encoding="utf-8"))
        for code in found
        if code
    }
    page = (REFERENCE / "refusals.md").read_text(encoding="utf-8")
    assert {code for code in used if f"`{code}`" not in page} == set()


# The API


def test_every_refusal_is_described_with_its_status_and_retry():
    described = [
        (names(row[0])[0], int(row[1]), int(row[2]) if row[2] else None)
        for row in rows(REFERENCE / "refusals.md")
    ]
    assert described == [
        (refusal.code, api.STATUS[refusal], api.RETRY_SECONDS.get(refusal))
        for refusal in every_refusal()
    ]


def test_every_operation_is_described_with_its_scope():
    described = {(names(row[1])[0], names(row[2])[0]) for row in rows(REFERENCE / "api.md")}
    assert described == {(f"{route.method} {route.path}", route.scope) for route in ROUTES}
    assert sorted(SCOPES) == sorted(administer.SCOPES)


# The database, messages, files


def test_every_table_is_described_with_its_distribution():
    sql = "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted((SOURCES / "store" / "migrations").glob("*.sql"))
    )
    tables = set(re.findall(r"^CREATE TABLE (\w+)", sql, re.MULTILINE)) - {"transfer_other"}
    assert sorted(firsts(REFERENCE / "tables.md")) == sorted(tables)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("line.state", LineState),
        ("bucket.kind", BucketKind),
        ("transfer.kind", TransferKind),
        ("transfer.debit", Account),
        ("topup.source", TopUpSource),
        ("sim.kind", SimKind),
        ("sim.state", SimState),
        ("topup_gift.kind", GiftKind),
        ("outbox.state", MessageState),
        ("voucher_batch.state", BatchState),
        ("voucher.state", VoucherState),
        ("point.kind", PointKind),
        ("attempt.audience", Audience),
        ("article.kind", ArticleKind),
        ("ticket.state", TicketState),
        ("ticket_note.author", Author),
        ("staff.state", StaffState),
        ("seller.state", SellerState),
        ("approval.state", ApprovalState),
        ("book_close.kind", PeriodKind),
        ("book_close_line.measure", Measure),
    ],
)
def test_every_number_in_a_column_is_described(column: str, kind: type[TopUpSource]):
    described = {
        names(row[0])[0]: row[1] for row in rows(REFERENCE / "tables.md", "Numbers in columns")
    }
    spoken = described[column].replace("handed over", "handed_over")
    assert spoken == ", ".join(f"{one.value} {one.name.lower()}" for one in kind)


def test_every_language_has_its_number_described():
    described = {
        names(row[0])[0]: row[1] for row in rows(REFERENCE / "tables.md", "Numbers in columns")
    }
    assert described["line.language"] == ", ".join(f"{one.value} {one.tag}" for one in Language)


def test_every_message_is_described_with_its_params():
    described = {names(row[0])[0]: names(row[2]) for row in rows(REFERENCE / "messages.md")}
    assert described == {name: list(params) for name, params in WORST_PARAMS.items()}


def test_every_column_of_the_csv_is_described():
    assert [names(row[0])[0] for row in rows(REFERENCE / "lines-csv.md")] == list(COLUMNS)
    assert [names(row[0])[0] for row in rows(REFERENCE / "points-csv.md")] == list(POINTS.columns)
    assert [names(row[0])[0] for row in rows(REFERENCE / "sims-csv.md")] == list(SIM_COLUMNS)
    assert [names(row[0])[0] for row in rows(REFERENCE / "usage-csv.md")] == list(USAGE_COLUMNS)


def test_every_kind_of_finding_is_described():
    page = ROOT / "docs" / "how-to" / "when-verify-names-a-row.md"
    assert firsts(page) == [kind.value for kind in FindingKind]


def test_every_metric_is_described():
    source = (SOURCES / "web" / "health.py").read_text(encoding="utf-8")
    described = re.findall(
        r"`(tambah_\w+)`", (ROOT / "docs" / "how-to" / "monitor.md").read_text(encoding="utf-8")
    )
    assert sorted(set(described)) == sorted(set(re.findall(r'"(tambah_\w+)"', source)))


# All pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, wanted = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            broken.append(link)
        elif wanted and target.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            if wanted not in {anchor(heading) for heading in headings}:
                broken.append(link)
    assert broken == []


def test_every_page_is_reached_from_the_index():
    reached: set[Path] = set()
    waiting = [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8")):
            if not link.startswith("http"):
                waiting.append(Path(os.path.normpath(page.parent / link)))
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} <= reached


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_of_ours_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:src|tests|tools|benchmarks|requirements)/[\w./-]+)`", text))
    parts = set(
        re.findall(
            r"`((?:api|cli|channels|domain|engine|i18n|jobs|portal|store|web)/[\w./-]*)`", text
        )
    )
    missing = {name for name in named if not (ROOT / name).exists()}
    missing |= {name for name in parts if not (SOURCES / name).exists()}
    assert missing == set()
