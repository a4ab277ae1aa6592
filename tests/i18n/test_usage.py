"""Every text that is asked for exists, and every text that exists is asked for somewhere.

Keys that are put together (`t('area.' ~ state)`, `texts.get(f"area.{state}")`) are found as
patterns, `area.*`; what may stand for the star is said in VALUES below, for `*.*` both in one. A
pattern that is new in the sources, or gone from them, fails here until VALUES says so too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes

import tambah
from tambah.channels.said import KEYS as REFUSAL_IDS
from tambah.console.actions import ACTIONS
from tambah.console.bank_desk import REASONS_SHOWN
from tambah.console.content import MOST
from tambah.console.finding import KINDS
from tambah.console.line_acts import BARS
from tambah.console.live import COUNTERS
from tambah.console.package_draft import CHOSEN, HINTED
from tambah.console.package_draft import TICKED as PACK_TICKED
from tambah.console.package_draft import TYPED as PACK_TYPED
from tambah.console.pages import MENU
from tambah.console.promotion_draft import TICKED, TYPED
from tambah.console.stock_pages import MOVE_KINDS
from tambah.console.tariffs import STANDINGS as SHEET_STANDINGS
from tambah.desks.answering import READY_ANSWERS
from tambah.desks.packages import CLASSES, FILTERS
from tambah.desks.printing import WORDS as PRINTED
from tambah.domain.approval import ApprovalState, Deed
from tambah.domain.article import ArticleKind
from tambah.domain.balance import ALLOWANCES, BucketKind
from tambah.domain.card_stock import MoveKind
from tambah.domain.dealer import DealerKind, PaidAs, SaleKind
from tambah.domain.finance.statement import Earning, Liability
from tambah.domain.finance.three_way import ItemKind, Moved, Sold, Used
from tambah.domain.line import Language, LineState
from tambah.domain.package import Stacking
from tambah.domain.payment import PaymentState, ProviderId, RefundState
from tambah.domain.point import PointKind
from tambah.domain.rating import Service
from tambah.domain.refusals import every_refusal
from tambah.domain.sim import SimKind, SimState
from tambah.domain.staff import Permission, Role, StaffState
from tambah.domain.ticket import Author, Category, TicketState
from tambah.domain.validity import ValidityPolicy
from tambah.domain.voucher import BatchState, VoucherState
from tambah.engine.approving.deeds import PRINTED as KINDS_PRINTED
from tambah.engine.operator import PAYMENT_METHODS
from tambah.engine.points.rows import HEADER
from tambah.engine.publishing import DEFAULT_ANSWERS
from tambah.i18n.catalog import read_catalog
from tambah.i18n.sms_linter import WORST_PARAMS
from tambah.payments.bank.suggesting import Why
from tambah.payments.sandbox import Ending
from tambah.portal.forms import (
    AMOUNT_REFUSALS,
    CODE_REFUSALS,
    METHOD_REFUSALS,
    NUMBER_REFUSALS,
)
from tambah.portal.help import EXPLAINED
from tambah.portal.payment_page import REASONS, Said
from tambah.portal.sims import FAMILIES
from tambah.store.ledger.voucher_prints import PrintKind
from tambah.store.outbox import MessageState
from tambah.store.views.console_lists import Queue
from tambah.store.views.stock import NotUsable

SOURCES = Path(tambah.__file__).parent
KEYS = frozenset(read_catalog("en").forms)
AREAS = {key.partition(".")[0] for key in KEYS if "." in key}


def names(kind: Iterable[Any]) -> set[str]:
    """Return the names of an enumeration's members, as keys have them."""
    return {one.name.lower() for one in kind}


def codes(*kinds: Iterable[Any]) -> set[str]:
    """Return the codes of refusals."""
    return {refusal.code for kind in kinds for refusal in kind}


HOLDING_PAGES = {Said.PENDING, Said.BANK, Said.UNKNOWN, Said.PAID, Said.FAILED, Said.EXPIRED}
STEPS = {"1", "2", "3"}
STANDINGS = {"active", "barred", "expired", "grace", "pre_active", "returning", "suspended"}
SAID_OF_REFUSALS = set(REFUSAL_IDS.values())
TICKETS_SHOWN = names(state for state in TicketState if state is not TicketState.ERASED)
DRAFTED = {*TICKED, *TYPED} - {"reason"}
SENT_BACK = {Said.REFUNDING, Said.REFUND_FAILED, Said.REFUNDED, Said.DISPUTED}

VALUES: dict[str, set[str]] = {
    "acts.*": names(Deed)
    | {"bars", "buy_package", "disable_staff", "lock_batch", "printed", "refund_package", "slips"}
    | {"add_dealer", "pay_commission", "remove_passkey", "resume_partner", "suspend_partner"}
    | {"remove_authenticator", "retry_messages", "retry_nothing"}
    | {f"{kind}_stock" for kind in MOVE_KINDS},
    "acts.*_stock": set(MOVE_KINDS),
    "acts.file.*": {kind.value for kind in PrintKind},
    "acts.printed.*": set(KINDS_PRINTED),
    "acts.*_batch": {"close", "export", "lock", "release", "sheets", "void"},
    "acts.bar.*": set(BARS),
    "acts.do.*": {"adjust_credit", "bars", "disable_staff", "lock_batch", "reverse_topup"}
    | {"move_topup"}
    | {"buy_package", "refund_package"}
    | {"add_dealer", "move_float", "pay_commission", "resume_partner", "suspend_partner"}
    | {"remove_authenticator", "remove_passkey", "retry_messages"}
    | {f"{kind}_stock" for kind in MOVE_KINDS},
    "acts.field.*": {
        "amount",
        "bar",
        "born_active",
        "called",
        "cards",
        "dealer",
        "dealer_kind",
        "document",
        "draws_on",
        "first",
        "from_holder",
        "last",
        "least_sale",
        "messages",
        "lettered",
        "most_day",
        "most_sale",
        "name",
        "package",
        "paid_as",
        "parent",
        "price",
        "printed",
        "quantity",
        "rate",
        "reason",
        "receiver",
        "to_number",
        *DRAFTED,
        *PACK_TYPED,
        *PACK_TICKED,
        CHOSEN,
        "recipient",
        "redeem_until",
        "reference",
        "role",
        "since",
        "slips",
        "to_holder",
        "until_day",
        "way",
    },
    "acts.hint.*": {"amount", "name", "reason", "recipient"}
    | {"cards", "dealer", "from_holder", "parent", "rate", "receiver", "reference", "since"}
    | {"to_holder", "to_number", "until_day"}
    | {"promo_allowances", "promo_group", "promo_name", "promo_until"}
    | HINTED,
    "promotions.is.*": {"over", "running", "upcoming"},
    "package_editor.is.*": {"over", "running", "upcoming"},
    "package_editor.*": {one.value for one in Stacking} | {"by_itself", "if_wanted"},
    "acts.way.*": {"less", "more"},
    "requests.*": names(ApprovalState) | {"expired"},
    "staff.state.*": names(StaffState),
    "account.*": {"bonus"} | names(ALLOWANCES),
    "account.did.*": {
        "active",
        "added",
        "allowance",
        "allowance_back",
        "bonus",
        "bonus_forfeit",
        "bonus_reversal",
        "credit",
        "expired",
        "fee_back",
        "forfeit",
        "grace",
        "lapse",
        "moved_away",
        "moved_here",
        "opening",
        "package",
        "package_allowance",
        "package_back",
        "package_bonus",
        "package_bonus_back",
        "payment",
        "reactivation",
        "redemption",
        "refund",
        "reversal",
        "take_back",
        "taken_off",
        "tax",
        "tax_back",
        "topup",
        "used",
        "used_back",
    },
    "account.from.*": {"moved", "partner", "payment", "voucher"},
    "packages.class.*": set(CLASSES),
    "packages.kind.*": set(FILTERS),
    "packages.reason.*": {"activated", "forbids", "needs", "plan", "state"},
    "account.history.*": {"charges", "corrections", "line", "top_ups"},
    "account.is.*": {
        "active",
        "barred",
        "expired",
        "grace",
        "pre_active",
        "returning",
        "suspended",
    },
    "account.next.*": {"bonus", "expired", "given_up", "grace"},
    "usage.did.*": {"data", "mms", "received", "sms", "voice"},
    "account.to.*": {"lost", "reactivate", "sim", "tickets", "unbar"},
    "rates.*": ["calls", "sms", "mms", "gb", "mb", "kb"],
    "rates.per_*": ["minute", "message", "megabyte"],
    "recovery.fact.*": {"birth_date", "contact", "name"},
    "recovery.missing.*": {"document", "fact"},
    "recovery.told.*": {"lost", "reactivate"},
    "recovery.told.*.text": {"lost", "reactivate"},
    "recovery.wrong.*": {"fact", "kind"},
    "account.state.*": names(state for state in LineState if state < LineState.QUARANTINED)
    | {"barred", "suspended"},
    "console.action.*": set(ACTIONS),
    "console.fact.*": {
        key.removeprefix("console.fact.") for key in KEYS if key.startswith("console.fact.")
    },
    "console.col.*": {
        key.removeprefix("console.col.") for key in KEYS if key.startswith("console.col.")
    },
    "console.filter.*": {"state", "provider", "since", "until", "queue", "category"}
    | {"language", "ticket_state", "kind", "place", "who", "subject", "action"}
    | {"peer", "under_way"}
    | {"ends_before", "line_state", "plan", "starts"}
    | {"batch", "called", "dealer_kind", "hands", "holder", "move", "standing", "under"},
    "console.list.*": {"audit", "batches", "cards", "payments", "points", "tickets"}
    | {"dealers", "lines", "moves", "sessions", "stock"},
    "console.session.*": {"closed", "open", "short"},
    "console.service.*": names(Service),
    "console.import.*": {"created", "changed", "unchanged", "withdrawn", "refused"},
    "console.point.*": set(HEADER.columns),
    "console.provider.*": names(ProviderId),
    "console.queue.*": set(Queue),
    "console.content.*": set(MOST),
    "console.content.is.*": {"shown", "to_come", "over", "withdrawn"},
    "console.find.*": {kind.word for kind in KINDS},
    "console.find.*.like": {kind.word for kind in KINDS},
    "console.live.*": {one.word for one in COUNTERS},
    "console.ops.*": {"own", "guest"},
    "console.language.*": names(Language),
    "console.may.*": {one.value.replace(":", "_") for one in Permission},
    "console.refund.*": names(RefundState),
    "console.bank.reason.*": set(REASONS_SHOWN),
    "console.bank.why.*": set(Why),
    "console.role.*": set(Role),
    "console.sms.*": names(MessageState),
    "console.ticket.*": names(TicketState),
    "console.ticket.by.*": names(Author),
    "console.why.*": set(NotUsable),
    "console.to.*": {place.word for place in MENU},
    "dealers.kind.*": names(DealerKind),
    "dealers.paid_as.*": names(PaidAs),
    "dealers.standing.*": {"selling", "suspended"},
    "stock.*": {"stolen", "warehouse"},
    "stock.effect.*": {"found", "stolen"},
    "stock.move.*": names(MoveKind),
    "batch_state.*": names(BatchState),
    "payment_not_refundable.*": names(PaymentState),
    "sim_not_usable.*": names(SimState),
    "voucher_state.*": names(VoucherState),
    "print.*": set(PRINTED),
    "duration.*": {"days", "hours", "minutes"},
    "faq.*": set(DEFAULT_ANSWERS),
    "faq.*.title": set(DEFAULT_ANSWERS),
    "finance.advice.*": set(ItemKind),
    "finance.earned.*": set(Earning),
    "finance.item.*": set(ItemKind),
    "finance.owed.*": set(Liability),
    "finance.problem.*": {"not_configured", "refused", "silent"},
    "finance.side.*": {*Sold, *Used, *Moved},
    "finance.to.*": {"closes", "journal", "reconcile", "standing"},
    "frame.*": {"top_up", "account", "points", "offers", "help"},
    "month.*": {str(month) for month in range(1, 13)},
    "offers.*": names(ArticleKind),
    "offers.*.all": names(ArticleKind),
    "points.day.*": {str(day) for day in range(1, 8)},
    "points.kind.*": names(PointKind),
    "points.map.*": {"in", "out", "north", "south", "west", "east"},
    "points.only.*": {"cards", "reloads", "open"},
    "points.sells.*": {"cards", "reloads"},
    "console.tariffs.*": set(SHEET_STANDINGS),
    "console.tariffs.came.*": {"seen", "same", "bad"},
    "console.tariffs.service.*": names(Service),
    "portal.check.next.*": {"bank", "provider"},
    "portal.error.*": {"404", "405", "413", "500", "503"},
    "portal.help.*": codes(EXPLAINED),
    "portal.messages.state.*": names(MessageState),
    "portal.method.*": set(PAYMENT_METHODS),
    "portal.method_hint.*": set(PAYMENT_METHODS),
    "portal.pay.*": set(Said)
    | {f"failed_{reason}" for reason in (*REASONS, "other")}
    | {"dispute_lost", "not_credited"},
    "portal.pay.*_lead": set(Said),
    "portal.pay.*_what": HOLDING_PAGES | SENT_BACK,
    "portal.policy.*": set(ValidityPolicy),
    "portal.refused.*": codes(
        EXPLAINED, NUMBER_REFUSALS, CODE_REFUSALS, AMOUNT_REFUSALS, METHOD_REFUSALS
    ),
    "portal.sandbox.*": set(Ending),
    "portal.sandbox.*_what": set(Ending) - {Ending.CANCELLED},
    "portal.state.*": names(LineState),
    "promotions.*": names(ALLOWANCES - {BucketKind.BYTES}),
    "promotions.bytes.*": {"b", "kb", "mb", "gb"},
    "refusal.*": codes(every_refusal()),
    "screen.*": {key.removeprefix("screen.") for key in KEYS if key.startswith("screen.")},
    "sims.help.*": set(FAMILIES),
    "sims.help.*.*": {f"{family}.{step}" for family in FAMILIES for step in STEPS},
    "sims.help.before.*": STEPS,
    "sims.kind.*": names(SimKind),
    "sms.*": set(WORST_PARAMS),
    "shop.change.*": {"old", "new", "again"},
    "shop.kind.*": names(SaleKind),
    "shop.sale.*": names(SaleKind),
    "shop.state.*": {"sold", "used", "undone"},
    "shop.to.*": {"home", "card", "reload", "sales"},
    "tickets.answer.*": set(READY_ANSWERS),
    "tickets.by_telephone.*": {"card", "person"},
    "tickets.category.*": set(Category),
    "tickets.missing.*": {"category", "text"},
    "tickets.state.*": TICKETS_SHOWN,
    "tickets.what.*": TICKETS_SHOWN,
}

WORDS_OF_STATES = {
    "batch_state.*": names(BatchState)
    | {"already_exported", "being_exported", "without_print_file", "without_sheets"},
    "voucher_state.*": names(VoucherState) | {"expired"},
    "payment_not_refundable.*": names(PaymentState),
    "sim_not_usable.*": names(SimState),
    "approval_over.*": names(ApprovalState) | {"expired"},
}
"""`refusal.params["state"]`, which `Texts.refusal` writes in a word of the refusal's own."""


def template_keys(path: Path) -> Iterator[str]:
    """Return the keys and patterns that a template asks for."""
    tree = Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
    for call in tree.find_all(nodes.Call):
        asked = call.node
        by_t = isinstance(asked, nodes.Name) and asked.name == "t"
        by_texts = (
            isinstance(asked, nodes.Getattr)
            and asked.attr in ("get", "plural")
            and isinstance(asked.node, nodes.Name)
            and asked.node.name == "texts"
        )
        if by_t or by_texts:
            yield from template_wordings(call.args[0])


def template_wordings(node: nodes.Node) -> list[str]:
    """Return what an expression may come to, a star for what the template does not say."""
    if isinstance(node, nodes.Const):
        return [str(node.value)]
    if isinstance(node, nodes.CondExpr):
        other = template_wordings(node.expr2) if node.expr2 else []
        return template_wordings(node.expr1) + other
    if isinstance(node, nodes.Concat):
        parts = [
            [str(part.value)] if isinstance(part, nodes.Const) else ["*"] for part in node.nodes
        ]
        return ["".join(pieces) for pieces in product(*parts)]
    return ["*"]


def source_keys(tree: ast.AST) -> Iterator[str]:
    """Return the keys and patterns that a module asks for by `.get(…)` and its like."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("get", "plural", "wordings")
            and node.args
        ):
            key = source_wording(node.args[0])
            if "." in key and key.partition(".")[0] in AREAS:
                yield key


def source_wording(node: ast.expr) -> str:
    """Return what an expression says, a star for each thing it puts in; empty for others."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values
        )
    return ""


def literals(tree: ast.AST) -> Iterator[str]:
    """Return every text that stands in a module as it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


TEMPLATES = sorted(SOURCES.rglob("templates/*.html"))
MODULES = {
    path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCES.rglob("*.py"))
}
SAID = {
    text
    for path, tree in MODULES.items()
    if path.is_relative_to(SOURCES / "channels")
    for text in literals(tree)
}


def is_said(name: str) -> bool:
    """Say whether the dialogue names a text: whole, for a refusal, or put together."""
    shorter = re.sub("_(again|example)$", "", name)  # the other wordings of a long entry
    state = name.removeprefix("line_is_") if name.startswith("line_is_") else ""
    return shorter in SAID or name in SAID or name in SAID_OF_REFUSALS or state in STANDINGS


VALUES["voice.*"] = {
    name
    for key in KEYS
    if key.startswith("voice.") and is_said(name := key.removeprefix("voice."))
}
ASKED = {key for path in TEMPLATES for key in template_keys(path)} | {
    key for tree in MODULES.values() for key in source_keys(tree)
}


def built(values: dict[str, set[str]]) -> set[str]:
    """Return every key that the patterns come to."""
    return {
        re.sub(r"\*(\.\*)*", value, pattern) for pattern, each in values.items() for value in each
    }


def test_every_pattern_of_keys_says_its_values() -> None:
    assert sorted(key for key in ASKED if "*" in key) == sorted(VALUES)


def test_every_text_that_is_asked_for_exists() -> None:
    plain = {key for key in ASKED if "*" not in key}

    assert (plain | built(VALUES) | built(WORDS_OF_STATES)) - KEYS == set()


def test_every_text_is_asked_for_somewhere() -> None:
    # A key may be handed about before it is asked for: wherever it stands whole, it counts.
    written = {text for tree in MODULES.values() for text in literals(tree)}

    assert KEYS - ASKED - written - built(VALUES) - built(WORDS_OF_STATES) == set()


@pytest.mark.parametrize(
    ("template", "keys"),
    [
        ("{{ t('a.b') }}", ["a.b"]),
        ("{{ t('a.b' if x else 'a.c') }}", ["a.b", "a.c"]),
        ("{{ texts.plural('a.' ~ x ~ '.b', 3) }}", ["a.*.b"]),
        ("{{ t(x) }}", ["*"]),
        ("{{ other('a.b') }}", []),
    ],
)
def test_keys_are_found_in_templates(tmp_path: Path, template: str, keys: list[str]) -> None:
    path = tmp_path / "one.html"
    path.write_text(template)

    assert list(template_keys(path)) == keys


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("texts.get('portal.skip')", ["portal.skip"]),
        ("texts.plural(f'portal.{x}.b', 1)", ["portal.*.b"]),
        ("row.get('name')", []),
        ("row.get(f'nothing.{x}')", []),
    ],
)
def test_keys_are_found_in_modules(source: str, keys: list[str]) -> None:
    assert list(source_keys(ast.parse(source))) == keys
