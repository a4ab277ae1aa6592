"""Sheets of cards: read back from the drawn page by other programs, opened by one key alone."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pypdfium2
import pyrage
import pytest
import zxingcpp

from tambah.app import DEMO_OPERATOR
from tambah.config import GatewayEntry, read_operator
from tambah.desks.printing import Promise, sheet_design
from tambah.domain.actor import Actor
from tambah.domain.refusals import BatchStateWrong, FieldMalformed
from tambah.domain.rules import Rules
from tambah.domain.voucher import fold_code, group_code
from tambah.engine.keys import Keys
from tambah.engine.vouchers import (
    TEMPLATES,
    CodeSource,
    Generated,
    PrintFailed,
    PrintKind,
    SheetDesign,
    TemplateBroken,
    change_batch,
    draw_specimen,
    export_print_file,
    generate,
    sheets,
)
from tambah.engine.vouchers.drawing import Face, draw, draw_barcode, draw_qr
from tambah.store.database import Database
from tests.engine.vouchers.making import NOW, RM, STAFF, count_audit, make, request

age: Any = pyrage
PIXELS_PER_POINT = 300 / 72


@pytest.fixture
def printer() -> Any:
    """Return a printing house's private key."""
    return age.x25519.Identity.generate()


@pytest.fixture
def design(rules: Rules) -> SheetDesign:
    """Return the demo operator's cards and slips of RM30."""
    return sheet_design(
        read_operator(DEMO_OPERATOR),
        rules,
        "https://kampungtel.example",
        ("cards", "slips"),
        Promise(price_micros=30 * RM, now=NOW),
    )


def opened(sealed: bytes, key: Any) -> dict[str, bytes]:
    """Return an encrypted archive's members."""
    with tarfile.open(fileobj=io.BytesIO(age.decrypt(sealed, [key]))) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive.getmembers()}  # type: ignore[union-attr]


def pages(pdf: bytes) -> list[Any]:
    """Return a PDF's pages as pictures, 300 dots to the inch."""
    document = pypdfium2.PdfDocument(pdf)
    return [page.render(scale=PIXELS_PER_POINT).to_pil() for page in document]


def written(pdf: bytes) -> list[str]:
    """Return the text of each page."""
    return [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf)]


def read_back(picture: Any) -> dict[str, list[tuple[float, float, str]]]:
    """Return what a reader sees in a picture, by kind: place (as parts of its size) and text."""
    seen: dict[str, list[tuple[float, float, str]]] = {"QRCode": [], "Code128": []}
    for found in zxingcpp.read_barcodes(picture):
        corner = found.position.top_left
        x, y = corner.x / picture.width, corner.y / picture.height
        seen[found.format.name].append((x, y, found.text))
    return {
        kind: sorted(found, key=lambda f: (round(f[1], 1), f[0])) for kind, found in seen.items()
    }


def files(folder: Path) -> list[Path]:
    """Return every file below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


async def sheets_of(database: Database, made: Generated, tmp_path: Path) -> bytes:
    """Hand out a batch's archive and return it."""
    path = tmp_path / "sheets.age"
    await export_print_file(database, made.batch_id, path, STAFF, NOW, PrintKind.SHEETS)
    return path.read_bytes()


async def test_every_code_and_serial_is_read_back_from_the_drawn_pages(
    database: Database, keys: Keys, rules: Rules, printer: Any, design: SheetDesign, tmp_path: Path
) -> None:
    made = await generate(
        database,
        keys,
        rules.catalog,
        request(13, recipient=str(printer.to_public()), sheets=design),
        source=CodeSource(chunk=11),
    )
    members = opened(await sheets_of(database, made, tmp_path), printer)

    names = ["0001-00000001-to-0001-00000011", "0001-00000012-to-0001-00000013"]
    assert list(members) == [
        *(f"{kind}-{name}.pdf" for name in names for kind in ("cards", "slips")),
        "SHA256SUMS",
    ]
    cards = {f"0001-{at:08d}": code for at, code in enumerate(made.codes, 1)}
    for kind in ("cards", "slips"):
        drawn = [page for name in names for page in pages(members[f"{kind}-{name}.pdf"])]
        seen = [read_back(page) for page in drawn]
        serials = [text for page in seen for _, _, text in page["Code128"]]
        codes = [text for page in seen for _, _, text in page["QRCode"]]
        assert sorted(serials) == sorted(cards)
        assert [cards[serial] for serial in serials] == codes
        text = "".join(text for name in names for text in written(members[f"{kind}-{name}.pdf"]))
        assert all(group_code(code) in text for code in made.codes)


async def test_a_back_lies_behind_its_front_when_the_sheet_is_turned_over(
    design: SheetDesign,
) -> None:
    faces = [
        Face(serial=f"0001-{at:08d}", code="0" * 16, shown=group_code("0" * 16))
        for at in range(1, 12)
    ]
    fronts, backs, last_fronts, last_backs = pages(draw("cards", design, 1, faces))

    assert read_back(fronts) == read_back(last_fronts) == {"QRCode": [], "Code128": []}
    # The first card is at the top left of the fronts: at the top right of the backs.
    row = [text for _, _, text in read_back(backs)["Code128"][:2]]
    assert row == ["0001-00000002", "0001-00000001"]
    [(x, _, text)] = read_back(last_backs)["Code128"]
    assert (x > 0.5, text) == (True, "0001-00000011")
    # The brand's colour is on the left of the last fronts, paper on the right.
    band = round(last_fronts.height * 17 / 297)
    left, right = (
        last_fronts.getpixel((round(last_fronts.width * mm / 210), band)) for mm in (100, 185)
    )
    assert (left, right) == ((0x0B, 0x5D, 0x57), (255, 255, 255))


@pytest.mark.parametrize("kind", ["cards", "slips"])
def test_cards_speak_four_languages(kind: Any, design: SheetDesign) -> None:
    text = re.sub(r"\s+", " ", " ".join(written(draw_specimen(kind, design))))

    for said in (
        "KampungTel",
        "RM30",
        "kampungtel.example/topup",
        "1300 80 0000",
        "Recharge card",
        "Kad tambah nilai",
        "加额卡",
        "டாப்-அப்",
        "Valid for 30 days after the top-up",
        "Sah 30 hari selepas tambah nilai",
        "加额后有效30天",
        "வரிசை",
    ):
        assert re.sub(r"\s", "", said) in re.sub(r"\s", "", text), said


@pytest.mark.parametrize(("kind", "told"), [("agi", True), ("twiml", True), ("smpp", False)])
def test_a_card_sends_to_the_hotline_only_where_it_takes_codes(
    rules: Rules, kind: str, told: bool
) -> None:
    demo = read_operator(DEMO_OPERATOR)
    operator = msgspec.structs.replace(demo, gateways=(GatewayEntry(name="one", kind=kind),))
    promise = Promise(price_micros=30 * RM, now=NOW)

    design = sheet_design(operator, rules, "https://kampungtel.example", ("cards",), promise)

    languages: Any = design.facts["languages"]
    ways = [one["how"] for one in languages]
    assert all(("1300\u00a080\u00a00000" in way) is told for way in ways), ways
    assert all("kampungtel.example/topup" in way for way in ways)


def test_the_last_day_stands_on_cards_that_have_one(rules: Rules) -> None:
    promise = Promise(price_micros=30 * RM, now=NOW, last_day=NOW.date().replace(year=2028))
    design = sheet_design(read_operator(DEMO_OPERATOR), rules, "", ("cards",), promise)

    text = "".join(written(draw_specimen("cards", design)))
    assert ("01/03/2028" in text, "topup" in text) == (True, False)


@pytest.mark.parametrize("kind", ["cards", "slips"])
def test_a_specimen_has_no_code_that_could_be_one(kind: Any, design: SheetDesign) -> None:
    pdf = draw_specimen(kind, design)

    text = "".join(written(pdf))
    assert "SPECIMEN" in text
    assert set(re.findall(r"\d{4} \d{4} \d{4} \d{4}", text)) == {"0000 0000 0000 0000"}
    seen = [text for page in pages(pdf) for _, _, text in read_back(page)["QRCode"]]
    assert set(seen) == {"SPECIMEN"}


@pytest.mark.parametrize("serial", ["0001-00000001", "9999-99999999", "123456789-12345678"])
def test_a_bar_code_has_the_right_modules(serial: str) -> None:
    drawn = draw_barcode(serial)

    bars = [tuple(map(int, bar)) for bar in re.findall(r"M(\d+) 0h(\d+)", drawn)]
    # Each symbol of Code 128 has three bars, the last one four, and all end in a bar of two.
    assert len(bars) % 3 == 1
    assert (bars[0][0], bars[-1][1]) == (0, 2)


def test_a_code_fits_the_smallest_qr_code() -> None:
    assert 'viewBox="0 0 29 29"' in draw_qr("1234567890123456")


async def test_letters_on_cards_fold_to_what_the_qr_code_holds(
    database: Database, keys: Keys, rules: Rules, printer: Any, design: SheetDesign, tmp_path: Path
) -> None:
    made = await make(
        database,
        keys,
        rules,
        10,
        recipient=str(printer.to_public()),
        lettered=True,
        sheets=replace(design, kinds=("slips",)),
    )
    members = opened(await sheets_of(database, made, tmp_path), printer)

    text = "".join(written(members["slips-0001-00000001-to-0001-00000010.pdf"]))
    shown = re.findall(r"\b(?:[0-9A-Z]{4} ){3}[0-9A-Z]{4}\b", text)
    assert [fold_code(one) for one in shown] == list(made.codes)
    assert any(char.isalpha() for one in shown for char in one)


async def test_only_the_printers_key_opens_the_archive_and_its_sums_are_right(
    database: Database, keys: Keys, rules: Rules, printer: Any, design: SheetDesign, tmp_path: Path
) -> None:
    made = await make(database, keys, rules, 3, recipient=str(printer.to_public()), sheets=design)
    sealed = await sheets_of(database, made, tmp_path)

    with pytest.raises(age.DecryptError):
        age.decrypt(sealed, [age.x25519.Identity.generate()])
    stored = made.sealed[PrintKind.SHEETS]
    assert (hashlib.sha256(sealed).digest(), len(sealed)) == (stored.digest, stored.size)
    members = opened(sealed, printer)
    sums = dict(
        reversed(line.split("  ")) for line in members.pop("SHA256SUMS").decode().split("\n")[:-1]
    )
    assert sums == {name: hashlib.sha256(pdf).hexdigest() for name, pdf in members.items()}


async def test_the_print_file_and_the_sheets_are_each_handed_out_once(
    database: Database, keys: Keys, rules: Rules, printer: Any, design: SheetDesign, tmp_path: Path
) -> None:
    made = await make(database, keys, rules, 3, recipient=str(printer.to_public()), sheets=design)
    await sheets_of(database, made, tmp_path)

    with pytest.raises(BatchStateWrong) as refused:
        await export_print_file(
            database, made.batch_id, tmp_path / "b", STAFF, NOW, PrintKind.SHEETS
        )
    assert refused.value.params == {"state": "already_exported"}
    lines = tmp_path / "lines.age"
    await export_print_file(database, made.batch_id, lines, STAFF, NOW)
    assert age.decrypt(lines.read_bytes(), [printer]).count(b"\n0001-") == 3
    assert await database.fetch_value("SELECT count(*) FROM voucher_sheets") == 0
    counts = [await count_audit(database, f"export_{what}") for what in ("batch", "sheets")]
    assert counts == [1, 1]


async def test_a_batch_without_sheets_has_none_to_hand_out(
    database: Database, keys: Keys, rules: Rules, printer: Any, tmp_path: Path
) -> None:
    made = await make(database, keys, rules, 3, recipient=str(printer.to_public()))

    with pytest.raises(BatchStateWrong) as refused:
        await sheets_of(database, made, tmp_path)
    assert refused.value.params == {"state": "without_sheets"}
    assert os.listdir(tmp_path) == []


async def test_no_clear_code_is_left_on_the_disk_or_in_the_database(
    database: Database,
    keys: Keys,
    rules: Rules,
    printer: Any,
    design: SheetDesign,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The compiler's temporary folder, caches and packages are all within one that is searched."""
    for name in ("TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    made = await make(database, keys, rules, 12, recipient=str(printer.to_public()), sheets=design)

    assert files(tmp_path) == []
    shapes = [s for code in made.codes for s in (code, group_code(code))]
    stored = await database.fetch("SELECT sealed FROM voucher_sheets ORDER BY piece")
    assert stored
    for row in stored:
        assert not [shape for shape in shapes if shape.encode() in row[0]]
    told = await database.fetch("SELECT audit::text FROM audit")
    assert not [shape for shape in shapes for row in told if shape in row[0]]


async def test_what_breaks_off_leaves_a_draft_with_nothing_to_hand_out(
    database: Database, keys: Keys, rules: Rules, printer: Any, design: SheetDesign, tmp_path: Path
) -> None:
    def stop(_done: int, _of: int) -> None:
        raise InterruptedError

    wanted = request(30, recipient=str(printer.to_public()), sheets=design)
    with pytest.raises(InterruptedError):
        await generate(database, keys, rules.catalog, wanted, stop, CodeSource(chunk=10))

    with pytest.raises(BatchStateWrong) as refused:
        await export_print_file(database, 1, tmp_path / "a", STAFF, NOW, PrintKind.SHEETS)
    assert refused.value.params == {"state": "draft"}
    await change_batch(database, 1, "void", Actor(who="aminah", why="broke off"), NOW)
    assert await database.fetch_value("SELECT count(*) FROM voucher_sheets") == 0


async def test_a_batch_voided_while_it_is_drawn_stays_without_pieces(
    database: Database,
    keys: Keys,
    rules: Rules,
    printer: Any,
    design: SheetDesign,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tambah.engine.vouchers.sealing.PIECE_BYTES", 1000)
    other = await database.connect_writer()

    wanted = request(30, recipient=str(printer.to_public()), sheets=design)

    async def void_it() -> None:
        await other.execute("UPDATE voucher_batch SET state = 6 WHERE batch_id = 1")
        await other.execute("DELETE FROM voucher_sheets")

    loop = asyncio.get_running_loop()
    plain = sheets.draw

    def draw_late(*arguments: Any) -> bytes:
        asyncio.run_coroutine_threadsafe(void_it(), loop).result()
        return plain(*arguments)

    monkeypatch.setattr(sheets, "draw", draw_late)
    with pytest.raises(BatchStateWrong):
        await generate(database, keys, rules.catalog, wanted, source=CodeSource(chunk=10))
    await other.close()
    assert await database.fetch_value("SELECT count(*) FROM voucher_sheets") == 0


# Templates


@pytest.fixture
def own(design: SheetDesign, tmp_path: Path) -> SheetDesign:
    """Return a design with templates of its own, yet the same as ours."""
    folder = tmp_path / "templates"
    folder.mkdir()
    for path in TEMPLATES.glob("*.typ"):
        shutil.copy(path, folder)
    return replace(design, templates=folder, kinds=("cards",))


def test_templates_of_ones_own_are_used(own: SheetDesign) -> None:
    cards = own.templates / "cards.typ"
    cards.write_text(cards.read_text().replace("it.brand.name)", "[Kedai Ipoh])"))

    assert "Kedai Ipoh" in written(draw_specimen("cards", own))[0]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("#let cards(it, list) = [#it.nothing]", "nothing"),
        ("#let cards(it, list) = [", "unclosed delimiter"),
        ('#import "@preview/tiaoma:0.3.0"\n#let cards(it, list) = []', "packages are not fetched"),
        ('#let cards(it, list) = text(font: "Comic Sans", [a])', "unknown font family"),
        ('#let cards(it, list) = read("/../outside.txt")', "outside"),
        ("#let sheets(it) = []", "cards"),
    ],
)
async def test_a_broken_template_is_refused_before_a_code_is_drawn(
    database: Database,
    keys: Keys,
    rules: Rules,
    printer: Any,
    own: SheetDesign,
    source: str,
    told: str,
) -> None:
    (own.templates.parent / "outside.txt").write_text("not to be read")
    (own.templates / "cards.typ").write_text(source)

    with pytest.raises(TemplateBroken, match=told):
        await make(database, keys, rules, 3, recipient=str(printer.to_public()), sheets=own)
    assert await database.fetch_value("SELECT count(*) FROM voucher_batch") == 0


def test_a_missing_template_is_named(own: SheetDesign) -> None:
    (own.templates / "cards.typ").unlink()

    with pytest.raises(TemplateBroken, match=r"no cards\.typ"):
        draw_specimen("cards", own)


def test_a_name_that_our_fonts_cannot_write_is_refused(own: SheetDesign) -> None:
    arabic = {**own.facts, "brand": {**own.facts["brand"], "name": "كانتشيل"}}  # type: ignore[dict-item]

    with pytest.raises(TemplateBroken, match="our fonts have no"):
        draw_specimen("cards", replace(own, facts=arabic))


async def test_a_template_that_fails_on_real_cards_tells_nothing_of_them(
    database: Database,
    keys: Keys,
    rules: Rules,
    printer: Any,
    own: SheetDesign,
    capfd: pytest.CaptureFixture[str],
) -> None:
    cards = own.templates / "cards.typ"
    cards.write_text("#let cards(it, list) = if it.specimen [] else { panic(list.first().code) }")

    with pytest.raises(PrintFailed) as failure:
        await make(database, keys, rules, 3, recipient=str(printer.to_public()), sheets=own)
    assert not re.search(r"\d{4}", str(failure.value))
    assert (failure.value.__cause__, failure.value.__context__) == (None, None)
    assert capfd.readouterr() == ("", "")
    assert await database.fetch_value("SELECT state FROM voucher_batch") == 1


@pytest.mark.parametrize(
    "changes", [{"recipient": None}, {"quantity": 100_001, "keep_codes": False}]
)
async def test_sheets_need_a_recipient_and_an_end(
    database: Database,
    keys: Keys,
    rules: Rules,
    printer: Any,
    design: SheetDesign,
    changes: dict[str, Any],
) -> None:
    values = {"quantity": 3, "recipient": str(printer.to_public()), "sheets": design, **changes}

    with pytest.raises(FieldMalformed):
        await make(database, keys, rules, values.pop("quantity"), **values)


def test_the_facts_are_plain_values(design: SheetDesign) -> None:
    assert json.loads(json.dumps(design.facts)) == design.facts
