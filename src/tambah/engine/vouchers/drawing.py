"""Pages with cards or slips on them, as PDF: laid out by typst, from templates, in memory alone.

The compiler is given a source of two lines and what is to be printed as values; the only files it
reads are the templates and the fonts. What it makes comes back as bytes. So no code is on a disk.
It remembers everything it ever laid out, so each PDF is made in a process of its own, which gets
the codes and gives back the PDF through pipes.
"""

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import segno
import typst
from barcode.codex import Code128

from tambah.domain.voucher import format_serial, group_code
from tambah.engine.vouchers.sealing import PrintFailed

PrintedKind = Literal["cards", "slips"]
"""Cards on sheets of A4, front and back, or slips for a roll of 80 mm."""

TEMPLATES = Path(__file__).with_name("card_templates")
SPECIMEN = "SPECIMEN"
_SPECIMEN_CARDS = 10
_QUIET_MODULES = 10
_PACKAGE = re.compile(r"""\b(?:import|include)\b[^\n]*["']@""")
_code128: Any = Code128  # it comes without types
_typst: Any = typst  # its types leave the arguments' open


class TemplateBroken(Exception):
    """The templates cannot print cards; the text says what to mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetDesign:
    """What is printed, and how.

    kinds: which documents, each a template of that name with a function of that name. facts: what
    the templates are given besides the cards, JSON (`card_templates/common.typ` lists it).
    templates: their folder; what they import or show must be within it. Fonts are those of its
    folder `fonts`, or ours where it has none.
    """

    kinds: tuple[PrintedKind, ...]
    facts: Mapping[str, object]
    templates: Path = TEMPLATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What one card shows. code: its digits, which the QR holds; shown: as people read it."""

    serial: str
    code: str = field(repr=False)
    shown: str = field(repr=False)


def draw(kind: PrintedKind, design: SheetDesign, batch_id: int, faces: Sequence[Face]) -> bytes:
    """Return the PDF of some cards of a batch. Blocks; raises PrintFailed."""
    order = {
        "kind": kind,
        "facts": design.facts,
        "templates": str(design.templates),
        "batch_id": batch_id,
        "faces": [[face.serial, face.code, face.shown] for face in faces],
    }
    # What it says of an error may show what was being printed: nothing of it is passed on.
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tambah.engine.vouchers.drawer"],
        input=json.dumps(order).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        raise PrintFailed("the templates failed on cards of this batch, not on a specimen")
    return done.stdout


def draw_here(order: Mapping[str, Any]) -> bytes:
    """Return the PDF that `draw` asks for; for its process. Raises RuntimeError."""
    design = SheetDesign(
        kinds=(order["kind"],), facts=order["facts"], templates=Path(order["templates"])
    )
    faces = [Face(serial=serial, code=code, shown=shown) for serial, code, shown in order["faces"]]
    return _typst.compile(**_arguments(order["kind"], design, order["batch_id"], faces))


def draw_specimen(kind: PrintedKind, design: SheetDesign) -> bytes:
    """Return the PDF of cards whose codes plainly are none. Blocks; raises TemplateBroken.

    Whatever the compiler warns of is an error: a font that is not there would print as another.
    """
    _check_templates(design)
    faces = [
        Face(serial=format_serial(0, number), code=SPECIMEN, shown=group_code("0" * 16))
        for number in range(1, _SPECIMEN_CARDS + 1)
    ]
    arguments = _arguments(kind, design, 0, faces, specimen=True)
    try:
        pdf, warnings = _typst.compile_with_warnings(**arguments)
    except RuntimeError as error:
        raise TemplateBroken(f"{kind}.typ: {_told(error)}") from error
    if warnings:
        raise TemplateBroken(f"{kind}.typ: {_told(warnings[0])}")
    return pdf


def _arguments(
    kind: PrintedKind,
    design: SheetDesign,
    batch_id: int,
    faces: Sequence[Face],
    *,
    specimen: bool = False,
) -> dict[str, Any]:
    facts = {**design.facts, "batch": f"{batch_id:04d}", "specimen": specimen}
    cards = [
        {
            "serial": face.serial,
            "code": face.shown,
            "qr": draw_qr(face.code),
            "barcode": draw_barcode(face.serial),
        }
        for face in faces
    ]
    source = (
        f'#import "/{kind}.typ": {kind}\n'
        f"#{kind}(json(bytes(sys.inputs.it)), json(bytes(sys.inputs.cards)))\n"
    )
    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(_own_fonts(design) or TEMPLATES / "fonts")],
    )
    return {
        "input": source.encode(),
        "root": str(design.templates),
        "font_paths": fonts,
        "ignore_system_fonts": True,
        "sys_inputs": {"it": json.dumps(facts), "cards": json.dumps(cards)},
        "pdf_tags": False,
    }


def draw_qr(content: str) -> str:
    """Return a QR code with its quiet zone, as SVG. 16 digits are the smallest at level H."""
    drawn = io.BytesIO()
    segno.make(content, error="h", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgclass=None, lineclass=None, omitsize=True, border=4
    )
    return drawn.getvalue().decode()


def draw_barcode(text: str) -> str:
    """Return a Code 128 bar code with its quiet zones, as SVG, one module to a unit."""
    modules: str = _code128(text).build()[0]
    bars = "".join(f"M{start} 0h{width}v1h-{width}z" for start, width in _bars(modules))
    width = len(modules) + 2 * _QUIET_MODULES
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-{_QUIET_MODULES} 0 {width} 1"'
        f' preserveAspectRatio="none"><path d="{bars}"/></svg>'
    )


def _bars(modules: str) -> Iterator[tuple[int, int]]:
    """Yield where each dark bar starts, and its width."""
    start = 0
    for dark, run in groupby(modules):
        width = len(list(run))
        if dark == "1":
            yield start, width
        start += width


def _own_fonts(design: SheetDesign) -> Path | None:
    folder = design.templates / "fonts"
    return folder if folder.is_dir() else None


def _check_templates(design: SheetDesign) -> None:
    for kind in design.kinds:
        if not (design.templates / f"{kind}.typ").is_file():
            raise TemplateBroken(f"there is no {kind}.typ in {design.templates}")
    for path in sorted(design.templates.rglob("*.typ")):
        if _PACKAGE.search(path.read_text(encoding="utf-8", errors="replace")):
            raise TemplateBroken(
                f"{path.name}: packages are not fetched; put its files beside the template"
            )
    if _own_fonts(design) in (None, TEMPLATES / "fonts"):
        _check_characters(json.dumps(design.facts, ensure_ascii=False))


def _check_characters(text: str) -> None:
    """Refuse what our fonts would leave out without a word."""
    missing = {char for char in text if not char.isspace()} - _covered()
    if missing:
        raise TemplateBroken(
            f"our fonts have no {' '.join(sorted(missing))}: put fonts that do into a folder"
            " named fonts beside your own templates"
        )


def _covered() -> set[str]:
    lines = (TEMPLATES / "fonts" / "covered.txt").read_text(encoding="ascii").split()
    ranges = (map(lambda end: int(end, 16), line.split("-")) for line in lines)
    return {chr(point) for first, last in ranges for point in range(first, last + 1)}


def _told(diagnostic: Any) -> str:
    """Return what typst says with its first hint and where, on one line."""
    where = re.search(r"┌─ (\S+)", str(getattr(diagnostic, "diagnostic", "")))
    parts = [str(diagnostic.message), *map(str, list(diagnostic.hints)[:1])]
    return "; ".join(parts) + (f" ({where[1]})" if where else "")
