"""Reading files of banks: formats, versions, encodings, and files that mean harm."""

from __future__ import annotations

import codecs
import time
import tracemalloc
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tambah.domain.refusals import StatementMalformed, StatementTooLarge
from tambah.payments.bank.entry import Booking, Entry
from tambah.payments.bank.statements import (
    MOST_BYTES,
    name_entries,
    read_file,
    read_statement,
)

from .made import FOLDED, OTHERS, Line, camt, load, mt940

ZONE = ZoneInfo("Asia/Kuala_Lumpur")
A, B, C = OTHERS
DAY = date(2026, 11, 23)


def read(data: bytes) -> tuple[Entry, ...]:
    return read_statement(data, ZONE).entries


def told(entry: Entry) -> tuple[object, ...]:
    return (entry.amount_micros // 10_000, entry.is_credit, entry.is_reversal, entry.bank_ref)


def test_camt053_of_version_2_is_read() -> None:
    data = load("camt053_v02.xml", A=A, B=B).decode().encode("iso-8859-1")

    statement = read_statement(data, ZONE)

    assert statement.form == "camt.053.001.02"
    assert [told(e) for e in statement.entries] == [
        (3000, True, False, "IBG0000000000101"),
        (1000, True, False, "IBG0000000000102"),
        (50, False, False, "CHG0000000000103"),
        (5000, True, False, "IBG0000000000104"),
    ]
    first = statement.entries[0]
    assert first.texts == f"Topup telefon café {A} tq\nNOTPROVIDED\nDUITNOW TRANSFER"
    assert (first.account, first.booked_on, first.currency) == (FOLDED, DAY, "MYR")
    assert [e.booking for e in statement.entries][-1] is Booking.PENDING


def test_camt053_of_version_8_splits_batches_that_add_up() -> None:
    statement = read_statement(load("camt053_v08_batches.xml", A=A, B=B, C=C), ZONE)

    assert statement.form == "camt.053.001.08"
    assert [(*told(e), e.currency, e.is_unclear) for e in statement.entries] == [
        (3000, True, False, "BATCH0000000201", "MYR", False),
        (5000, True, False, "BATCH0000000201", "MYR", False),
        (1000, True, False, "BATCH0000000201", "MYR", False),
        (6000, True, False, "BATCH0000000202", "MYR", True),
        (2950, True, False, "IBG0000000000203", "MYR", False),
        (3000, False, True, "IBG0000000000204", "MYR", False),
        (1000, True, False, "TT00000000000205", "SGD", False),
        (500, True, False, None, "MYR", False),
    ]
    assert statement.entries[0].booked_on == DAY  # 17:30 UTC is the next day in Kuala Lumpur
    assert statement.entries[1].texts == f"RF18{B}\nNOTPROVIDED\n1"
    assert statement.entries[3].texts == f"{A}\n{B}"
    assert statement.entries[4].texts == f"{C}\nCharges 0.50 MYR"
    assert statement.entries[7].booking is Booking.INFORMATION
    assert len({n.fingerprint for n in name_entries(statement.entries)}) == 8


def test_camt054_with_prefixes_is_the_same_entry_as_in_camt053() -> None:
    notified = read_statement(load("camt054_v04_prefixed.xml", A=A), ZONE)
    data = load("camt053_v02.xml", A=A, B=B).decode().encode("iso-8859-1")

    assert notified.form == "camt.054.001.04"
    assert (
        name_entries(notified.entries)[0].fingerprint
        == name_entries(read(data)[:1])[0].fingerprint
    )


@pytest.mark.parametrize("version", ["02", "03", "04", "06", "08", "10", "12"])
@pytest.mark.parametrize("kind", ["053", "054"])
def test_every_version_is_read_alike(kind: str, version: str) -> None:
    statement = read_statement(camt(Line(text=A, ref="R1"), kind=kind, version=version), ZONE)

    assert statement.form == f"camt.{kind}.001.{version}"
    assert [(told(e), e.texts, e.booking) for e in statement.entries] == [
        ((3000, True, False, "R1"), A, Booking.BOOKED)
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "crlf", "blank lines"])
def test_camt_encodings_and_line_ends(encoding: str) -> None:
    text = camt(Line(text=f"kopi ☕ {A}", ref="R1")).decode()
    if encoding == "crlf":
        data = text.replace("\n", "\r\n").encode()
    elif encoding == "blank lines":
        data = b"\r\n\r\n" + text.encode()
    elif encoding == "utf-16":
        data = text.replace("UTF-8", "UTF-16").encode("utf-16")
    else:
        data = text.encode(encoding)

    assert [e.texts for e in read(data)] == [f"kopi ☕ {A}"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "crlf"])
def test_mt940_encodings_and_line_ends(encoding: str) -> None:
    text = mt940(Line(text=f"café {A}", ref="R1")).decode()
    crlf = encoding == "crlf"
    data = text.replace("\n", "\r\n").encode() if crlf else text.encode(encoding)

    assert [(told(e), e.texts) for e in read(data)] == [
        ((3000, True, False, "R1"), f"café {A}\nNONREF")
    ]


def test_mt940_is_read_with_reversals_and_several_statements() -> None:
    data = load("plain.mt940", A1=A[:3], A2=A[3:], B=B, C=C)

    statement = read_statement(data, ZONE)

    assert statement.form == "mt940"
    assert [(*told(e), e.account, e.currency) for e in statement.entries] == [
        (3000, True, False, "IBG0000000301", FOLDED, "MYR"),
        (5000, True, False, "IBG0000000302", FOLDED, "MYR"),
        (50, False, False, "CHG0000000303", FOLDED, "MYR"),
        (3000, False, True, "IBG0000000304", FOLDED, "MYR"),
        (1200, True, True, "IBG0000000305", FOLDED, "MYR"),
        (1000, True, False, None, FOLDED, "MYR"),
        (1000, True, False, None, FOLDED, "MYR"),
        (3000, True, False, "TT00000000306", "990012345678", "SGD"),
    ]
    # What follows the closing balance is about the statement, not about its last entry.
    assert C not in statement.entries[6].texts
    assert [e.booked_on for e in statement.entries] == [DAY] * 8
    assert statement.entries[1].texts == f"IBG CREDIT\n{B}"


def test_mt940_loses_no_entry_without_a_type_code() -> None:
    data = b":20:A\n:25:X\n:60F:C261122MYR1,00\n:61:261123C30,\n:61:261123C40,\n:86:B\n"

    assert [e.amount_micros // 10_000 for e in read(data)] == [3000, 4000]


def test_mt940_names_the_line_that_cannot_be_read() -> None:
    data = mt940(Line(ref="R1"), Line(ref="R2"), Line(amount="what", ref="R3"))

    with pytest.raises(StatementMalformed) as refused:
        read(data)

    assert refused.value.params == {"where": "line 7"}


def test_camt_names_the_line_that_cannot_be_read() -> None:
    with pytest.raises(StatementMalformed) as refused:
        read(camt(Line(), Line(amount="1e3")))

    assert refused.value.params == {"where": "line 9"}


def test_own_name_of_the_bank_tells_equal_entries_apart() -> None:
    same = [Line(text="x", ref="R1"), Line(text="x", ref="R2")]
    again = [Line(text="x", ref="R1"), Line(text="x", ref="R1")]
    unnamed = [Line(text="x"), Line(text="x")]

    for make in (camt, mt940):
        named, repeated, counted = (
            name_entries(read(make(*lines))) for lines in (same, again, unnamed)
        )
        assert [n.is_repeat for n in named + repeated + counted] == [
            False, False, False, True, False, False
        ]  # fmt: skip
        for entries in (named, repeated, counted):
            assert len({n.fingerprint for n in entries}) == 2


def test_what_is_pending_now_is_another_entry_when_booked() -> None:
    pending, booked = (
        name_entries(read(camt(Line(text=A, ref="R1", status=status))))[0]
        for status in ("PDNG", "BOOK")
    )

    assert pending.fingerprint != booked.fingerprint


def test_one_account_is_the_same_in_both_formats() -> None:
    stated = name_entries(read(camt(Line(ref="R1"))))
    swift = name_entries(read(mt940(Line(ref="R1"))))

    assert stated[0].fingerprint == swift[0].fingerprint


LAUGHS = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
DOCTYPES = {
    "entity expansion": f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]>',
    "quadratic": f'<!DOCTYPE x [<!ENTITY a9 "{"x" * 100_000}">]>',
    "external entity": '<!DOCTYPE x [<!ENTITY a9 SYSTEM "file:///etc/passwd">]>',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x">%p;]>',
    "external subset": '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
    "harmless": "<!DOCTYPE Document>",
}


@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES)
def test_any_document_type_declaration_is_refused(doctype: str) -> None:
    data = camt(Line(text="TEXT")).replace(b"?>\n", b"?>\n" + doctype.encode() + b"\n", 1)
    data = data.replace(b"TEXT", b"&a9;" * 1000 if "a9" in doctype else b"x")

    with pytest.raises(StatementMalformed):
        read(data)


HOSTILE = {
    "nothing": b"",
    "blank": b" \r\n" * 100,
    "binary": bytes(range(256)) * 40,
    "zip": b"PK\x03\x04" + b"\0" * 1000,
    "text": b"Dear sir,\nplease find attached\n",
    "csv": b"date,amount\n2026-11-23,30.00\n",
    "html": b"<html><body>:20: :25:</body></html>",
    "other iso message": b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"/>',
    "cut": camt(Line(text="x"))[:-60],
    "bad entity": camt(Line(text="x")).replace(b">x<", b">&nbsp;<"),
    "bad encoding": camt(Line(text="x")).replace(b"UTF-8", b"EBCDIC-NO-SUCH"),
    "multi-byte encoding": camt(Line(text="x")).replace(b"UTF-8", b"shift_jis"),
    "codec that is none": camt(Line(text="x")).replace(b"UTF-8", b"rot13"),
    "bad bytes": camt(Line(text="x")).replace(b">x<", b">\xff\xfe<"),
    "no amount": camt(Line(amount="")),
    "negative": camt(Line(amount="-30.00")),
    "infinite": camt(Line(amount="Infinity")),
    "huge": camt(Line(amount="9" * 13)),
    "no direction": camt(Line()).replace(b"CRDT", b"BOTH"),
    "no currency": camt(Line()).replace(b'Ccy="MYR"', b""),
    "no day": camt(Line(day="2026-13-45")),
    "no day at all": camt(Line()).replace(b"BookgDt", b"Other"),
    "deep": camt(Line(extra="<a>" * 100_000)),
    "many nodes": camt(Line(extra="<a/>" * 100_000)),
    "many parts": camt(Line(extra="<NtryDtls>" + "<TxDtls/>" * 150_000 + "</NtryDtls>")),
    "mt940 without a currency": b":20:A\n:25:X\n:61:261123C30,00NTRFX\n",
    "mt940 of a day that is none": mt940(Line(day="2026-13-45")),
    "mt940 with two commas": mt940(Line(amount="1,0,0")),
    "mt940 with too many fields": mt940(Line(text="a\n" + ":86:a\n" * 500_000)),
    "mt940 with nuls": b":20:A\n:25:X\n:61:" + b"\0" * 1000,
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_statement_is_refused(data: bytes) -> None:
    with pytest.raises(StatementMalformed):
        read(data)


def test_a_statement_without_entries_is_a_statement() -> None:
    assert read(camt()) == ()
    assert read(mt940()) == ()


def test_too_much_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "huge.xml"
    with path.open("wb") as file:
        file.write(b"<?xml version='1.0'?><Document>")
        file.truncate(200 * 1024 * 1024)

    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(StatementTooLarge) as refused:
        read_file(path)
    seconds = time.perf_counter() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert refused.value.params == {"most_mb": 20}
    assert seconds < 2
    assert peak < 3 * MOST_BYTES


@pytest.mark.parametrize("kind", ["one text", "attribute", "lines"])
def test_twenty_megabytes_of_harm_end_soon_in_little_memory(kind: str) -> None:
    size = MOST_BYTES - 2_000
    if kind == "one text":
        data = camt(Line(text="y" * size))
    elif kind == "attribute":
        data = camt(Line(extra=f'<a b="{"y" * size}"/>'))
    else:
        data = mt940(Line(text="a\n" * (size // 2)))
    tracemalloc.start()
    began = time.process_time()

    entries = read(data)

    seconds = time.process_time() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(entries) == 1
    assert len(entries[0].texts) <= 4_000
    assert seconds < 20
    assert peak < 300 * 1024 * 1024


def test_a_bank_statement_of_a_busy_day_is_read() -> None:
    lines = [Line(text=f"payer {n}", ref=f"R{n}") for n in range(5_000)]

    assert len(read(camt(*lines))) == 5_000
    assert len(read(mt940(*lines))) == 5_000


def test_texts_hold_nothing_that_the_database_cannot() -> None:
    data = mt940(Line(text="a\0b\x1bc\x07")).replace(b"NONREF", b"NON\0REF")

    assert [e.texts for e in read(data)] == ["abc\nNONREF"]


def test_marks_at_the_start_are_known() -> None:
    assert read(codecs.BOM_UTF8 + mt940(Line(ref="R1")))[0].bank_ref == "R1"
