"""The DuitNow QR code, against the published examples and an independent reader."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from tambah.config import BankEntry
from tambah.domain.payment import reference_for
from tambah.payments.bank import bank_instructions, duitnow_payload, duitnow_svg
from tambah.payments.bank.duitnow import crc

from .made import OTHERS

A = OTHERS[0]
SCALE = 4
BANK = BankEntry(
    account_name="KampungTel Contoh Sdn Bhd",
    account_number="5140 1234 5678",
    bank_name="Bank Contoh",
    acquirer_id="501664",
    merchant_id="123456789",
    postcode="50450",
)

# The examples of PayNet's developer documentation (static codes of a shop and of a person).
SHOP = (
    "00020201021126410014A000000615000101065016640209123456789520499995303458540510.005802MY"
    "5909QRCSDNBHD6005BANGI6304343F"
)
PERSON = (
    "00020201021126410014A000000615000101065016640209123456789520400005303458540510.005802MY"
    "5909AUSERNAME6005BANGI63043A23"
)


def fields(text: str) -> dict[str, str]:
    """Take a payload apart, by its own lengths."""
    found: dict[str, str] = {}
    while text:
        number, length = text[:2], int(text[2:4])
        assert number not in found
        found[number] = text[4 : 4 + length]
        assert len(found[number]) == length
        text = text[4 + length :]
    return found


@pytest.mark.parametrize("published", [SHOP, PERSON])
def test_check_digits_are_those_of_the_published_examples(published: str) -> None:
    assert crc(published[:-4]) == published[-4:]


def test_check_digits_are_those_of_the_standard_check_value() -> None:
    assert crc("123456789") == "29B1"


def test_payload_holds_amount_and_reference() -> None:
    payload = duitnow_payload(BANK, A, 30_000_000)

    assert payload is not None
    assert payload[:12] == "000202010212"
    assert payload[-8:-4] == "6304"
    found = fields(payload)
    assert {n: v for n, v in found.items() if n not in ("26", "62", "63")} == {
        "00": "02",
        "01": "12",
        "52": "4814",
        "53": "458",
        "54": "30.00",
        "58": "MY",
        "59": "KampungTel Contoh Sdn Bhd",
        "60": "Kuala Lumpur",
        "61": "50450",
    }  # fmt: skip
    assert fields(found["26"]) == {"00": "A0000006150001", "01": "501664", "02": "123456789"}
    assert fields(found["62"]) == {"01": A, "05": A}
    assert list(found)[-1] == "63"


def test_same_fields_make_the_published_example() -> None:
    """All but what a static code has not: who, where, how much are written alike."""
    shop = fields(SHOP)
    bank = BankEntry(
        account_name="QRCSDNBHD",
        account_number="1",
        bank_name="x",
        acquirer_id="501664",
        merchant_id="123456789",
        city="BANGI",
        category="9999",
    )

    ours = fields(duitnow_payload(bank, A, 10_000_000) or "")

    assert {n: v for n, v in ours.items() if n not in ("01", "62", "63")} == {
        n: v for n, v in shop.items() if n not in ("01", "63")
    }


def test_long_and_foreign_names_are_cut_and_folded() -> None:
    bank = BankEntry(
        account_name="Syarikat Télékomunikasi Kampung Berhad",
        account_number="1",
        bank_name="x",
        acquirer_id="1",
        merchant_id="2",
        city="吉隆坡",
    )

    found = fields(duitnow_payload(bank, A, 10_000) or "")

    assert (found["59"], found["60"], found["54"]) == ("Syarikat Telekomunikasi K", "-", "0.01")


def test_without_the_bank_s_ids_there_is_no_code() -> None:
    bank = BankEntry(account_name="x", account_number="1 2", bank_name="y")

    instructions = bank_instructions(bank, A, 30_000_000)

    assert (instructions.payload, instructions.svg) == (None, None)
    assert instructions.reference == "23456-789A5"
    assert (instructions.account_name, instructions.account_number) == ("x", "1 2")


@pytest.mark.parametrize("amount", [0, -1, 5_000])
def test_amounts_that_are_not_whole_sen_are_a_bug(amount: int) -> None:
    with pytest.raises(ValueError, match="whole sen"):
        duitnow_payload(BANK, A, amount)


def test_ids_too_long_for_their_field_are_a_bug() -> None:
    bank = BankEntry(
        account_name="x", account_number="1", bank_name="y", acquirer_id="1", merchant_id="2" * 100
    )

    with pytest.raises(ValueError, match="field 02"):
        duitnow_payload(bank, A, 10_000)


def test_svg_keeps_a_strict_policy_and_says_what_it_is() -> None:
    svg = duitnow_svg("text", title='A & "B" <c>', desc="RM30.00")

    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert [(e.tag, e.text) for e in root if e.text] == [
        ("title", 'A & "B" <c>'),
        ("desc", "RM30.00"),
    ]
    attributes = {name for element in root.iter() for name in element.attrib}
    assert attributes == {"viewBox", "class", "role", "fill", "d", "stroke"}
    assert not re.search(r"style|script|href|url\(|on[a-z]+=", svg)


def read_code(svg: str) -> str:
    """Draw an SVG of our writer and read it with another program."""
    root = ElementTree.fromstring(svg)
    size = int((root.get("viewBox") or "").split()[2]) * SCALE
    pixels = bytearray(b"\xff" * size * size)
    path = next(e for e in root if e.get("stroke")).get("d") or ""
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([^Mmh]+)", path):
        values = [float(n) for n in re.findall(r"-?[0-9]*\.?[0-9]+", numbers)]
        if command == "h":
            left, width = round(x * SCALE), round(values[0] * SCALE)
            for row in range(round((y - 0.5) * SCALE), round((y + 0.5) * SCALE)):
                pixels[row * size + left : row * size + left + width] = bytes(width)
            x += values[0]
        else:
            x, y = values if command == "M" else (x + values[0], y + values[1])
    return zxingcpp.read_barcode(memoryview(pixels).cast("B", (size, size))).text


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=16, max_size=16), st.integers(1, 50_000))
def test_another_program_reads_the_code_back(digest: bytes, sen: int) -> None:
    reference = reference_for(digest, 1, 1)

    instructions = bank_instructions(BANK, reference, sen * 10_000)

    assert instructions.svg is not None
    assert read_code(instructions.svg) == instructions.payload
    assert fields(instructions.payload or "")["54"] == f"{sen // 100}.{sen % 100:02d}"
