"""Cards from the command line: proofs, templates, sheets, and a card given for another."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pypdfium2
import pyrage
import pytest

from tambah.app import DEMO_OPERATOR
from tests.cli.conftest import Tambah
from tests.conftest import Fresh

age: Any = pyrage
WHY = ("--reason", "order 4712", "--json")


def written(pdf: bytes) -> str:
    """Return a PDF's text."""
    return "".join(p.get_textpage().get_text_bounded() for p in pypdfium2.PdfDocument(pdf))


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say where the portal is."""
    monkeypatch.setenv("TAMBAH_PUBLIC_URL", "https://kampungtel.example/")


@pytest.mark.usefixtures("public")
def test_sheets_are_made_for_the_printer_and_handed_out_once(
    tambah: Tambah, tmp_path: Path
) -> None:
    key = age.x25519.Identity.generate()

    made = tambah(
        *("vouchers", "generate", "10.00", 12, "--recipient", key.to_public(), "--sheets"),
        *("--slips", "--redeem-until", "2099-12-31", *WHY),
    )
    assert (made.status, made.err) == (0, "")
    file = tmp_path / "sheets.tar.age"
    out = tambah("vouchers", "export", 1, file, "--sheets", *WHY)
    assert out.document["sha256"] == made.document["sheets"]["sha256"]
    assert tambah("vouchers", "export", 1, tmp_path / "b", "--sheets", *WHY).error == (
        "batch_state_wrong"
    )
    assert tambah("vouchers", "export", 1, tmp_path / "lines", *WHY).status == 0
    shown = tambah("vouchers", "show", 1, "--json").document
    assert (shown["sheets_are_here"], shown["print_is_here"]) == (False, False)
    with tarfile.open(fileobj=io.BytesIO(age.decrypt(file.read_bytes(), [key]))) as archive:
        names = archive.getnames()
        pdf: Any = archive.extractfile(names[0])
        text = written(pdf.read())
    assert names == [
        "cards-0001-00000001-to-0001-00000012.pdf",
        "slips-0001-00000001-to-0001-00000012.pdf",
        "SHA256SUMS",
    ]
    for said in ("RM10", "31/12/2099", "kampungtel.example/topup", "0001-00000012", "KampungTel"):
        assert said in text


def test_sheets_need_somebody_to_be_encrypted_to(tambah: Tambah) -> None:
    assert tambah("vouchers", "generate", "10.00", 1, "--sheets", *WHY).error == "field_malformed"
    assert tambah("vouchers", "show", 1, "--json").error == "batch_unknown"


@pytest.mark.parametrize("slips", [(), ("--slips",)])
def test_a_specimen_is_a_pdf_without_codes(
    tambah: Tambah, tmp_path: Path, slips: tuple[str, ...]
) -> None:
    file = tmp_path / "proof.pdf"

    said = tambah("vouchers", "specimen", file, "--price", "50.00", *slips, "--json")

    assert said.document == {"file": str(file), "bytes": file.stat().st_size}
    text = written(file.read_bytes())
    assert all(word in text for word in ("SPECIMEN", "RM50", "0000 0000 0000 0000"))
    assert tambah("vouchers", "specimen", file, "--json").error == "file"
    other = ("vouchers", "specimen", tmp_path / "b", "--price", "7.77", "--json")
    assert tambah(*other).error == "denomination_unknown"


def test_templates_are_copied_out_changed_and_used(
    tambah: Tambah, tmp_path: Path, environment: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cards"
    said = tambah("vouchers", "template", folder, "--json")
    assert said.document["files"] == ["cards.typ", "common.typ", "slips.typ"]
    assert tambah("vouchers", "template", folder, "--json").error == "folder_not_empty"
    operator = own_operator(tmp_path, folder, monkeypatch)

    slips = folder / "slips.typ"
    slips.write_text(slips.read_text().replace("it.brand.name)", "[Kedai Ipoh])"))
    proof = tmp_path / "proof.pdf"
    assert tambah("vouchers", "specimen", proof, "--slips").status == 0
    assert "Kedai Ipoh" in written(proof.read_bytes())
    slips.write_text("#let slips(it, list) = [")
    broken = tambah("vouchers", "specimen", tmp_path / "b", "--slips", "--json")
    assert broken.error == "template_broken"
    assert "slips.typ" in broken.err
    assert not (tmp_path / "b").exists()

    operator.write_text(operator.read_text().replace(str(folder), str(tmp_path / "nowhere")))
    assert tambah("vouchers", "specimen", tmp_path / "b", "--json").error == "configuration"


def own_operator(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the demo's operator use a folder of templates."""
    operator = tmp_path / "operator.toml"
    text = DEMO_OPERATOR.read_text(encoding="utf-8")
    operator.write_text(text.replace('templates = ""', f'templates = "{folder}"'))
    monkeypatch.setenv("TAMBAH_OPERATOR_FILE", str(operator))
    return operator


def test_a_lost_card_is_replaced_by_serial_number(tambah: Tambah) -> None:
    tambah("vouchers", "generate", "10.00", 5, *WHY)
    tambah("vouchers", "release", 1, *WHY)
    tambah("vouchers", "activate", "0001-00000001", *WHY)
    replace = ("vouchers", "replace", "0001-00000001", "--with", "0001-00000005")

    assert tambah(*replace, "--json").error == "reason_missing"
    said = tambah(*replace, *WHY)

    assert said.document == {"void": "0001-00000001", "active": "0001-00000005", "price": "10.00"}
    assert tambah(*replace, *WHY).error == "voucher_state_wrong"
    lost = tambah("vouchers", "show", "0001-00000001").out
    given = tambah("vouchers", "show", "0001-00000005").out
    assert "0001-00000005 was given for it." in lost
    assert "It was given for 0001-00000001." in given
