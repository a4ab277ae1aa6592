"""The print file: readable with the printing house's private key, and by nobody else."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pyrage
import pytest

from tambah.domain.refusals import FieldMalformed
from tambah.domain.rules import Rules
from tambah.domain.voucher import fold_code
from tambah.engine.keys import Keys
from tambah.engine.vouchers import CodeSource, PrintFailed, generate, sealing
from tambah.engine.vouchers.printing import PrintHeader, PrintSealer
from tambah.engine.vouchers.sealing import parse_recipient
from tambah.store.database import Database
from tambah.store.views import stock
from tests.engine.vouchers.making import NOW, RM, make, request

age: Any = pyrage


@pytest.fixture
def printer() -> Any:
    """Return a printing house's private key."""
    return age.x25519.Identity.generate()


async def sealed_file(database: Database, batch_id: int) -> bytes:
    """Return the ciphertext as stored."""
    rows = await database.fetch(
        "SELECT sealed FROM voucher_print WHERE batch_id = $1 ORDER BY piece", batch_id
    )
    return b"".join(row[0] for row in rows)


async def test_the_print_file_opens_with_the_private_key_and_holds_every_card(
    database: Database, keys: Keys, rules: Rules, printer: Any
) -> None:
    made = await generate(
        database,
        keys,
        rules.catalog,
        request(45, recipient=str(printer.to_public())),
        source=CodeSource(chunk=20),
    )

    text = age.decrypt(await sealed_file(database, made.batch_id), [printer]).decode()
    lines = text.splitlines()
    assert lines[:13] == [
        "# Tambah print file, version 1",
        "# operator: Kancil Mobile",
        "# batch: 0001",
        "# made: 2026-03-01T04:00:00+00:00",
        "# serials: 0001-00000001 to 0001-00000045",
        "# count: 45",
        "# price: RM 30.00",
        "# total face value: RM 1350.00",
        "# redeem before: no end",
        "# codes: 16 digits, in groups of four",
        "# checksum: the last line is the SHA-256 of every byte before it;",
        "#   compare it with: head -n -1 FILE | sha256sum",
        "serial,code,price",
    ]
    assert lines[13:-1] == [
        f"0001-{number:08d},{c[:4]} {c[4:8]} {c[8:12]} {c[12:]},30.00"
        for number, c in enumerate(made.codes, 1)
    ]
    body = text[: text.rindex("# sha256")].encode()
    assert lines[-1] == f"# sha256 {hashlib.sha256(body).hexdigest()}"


async def test_the_print_file_matches_what_is_stored(
    database: Database, keys: Keys, rules: Rules, printer: Any
) -> None:
    made = await make(database, keys, rules, 30, recipient=str(printer.to_public()), lettered=True)

    sealed = await sealed_file(database, made.batch_id)
    rows = [
        line.split(",")
        for line in age.decrypt(sealed, [printer]).decode().splitlines()
        if line.startswith("0001-")
    ]
    printed = await database.fetch("SELECT digest FROM voucher_serial ORDER BY number")
    assert [keys.code_digest(fold_code(code), 2) for _, code, _ in rows] == [
        row[0] for row in printed
    ]
    assert any(letter.isalpha() for _, code, _ in rows for letter in code)
    batch = await stock.read_batch(database, made.batch_id)
    assert batch is not None
    assert (batch.print_digest, batch.print_size) == (hashlib.sha256(sealed).digest(), len(sealed))
    assert (made.print_digest, made.print_size) == (batch.print_digest, batch.print_size)
    assert batch.print_is_here


async def test_the_print_file_does_not_open_with_another_key(
    database: Database, keys: Keys, rules: Rules, printer: Any
) -> None:
    made = await make(database, keys, rules, 3, recipient=str(printer.to_public()))

    with pytest.raises(age.DecryptError):
        age.decrypt(await sealed_file(database, made.batch_id), [age.x25519.Identity.generate()])


async def test_no_clear_code_is_anywhere_in_the_database(
    database: Database, keys: Keys, rules: Rules, printer: Any
) -> None:
    made = await make(database, keys, rules, 20, recipient=str(printer.to_public()))
    shapes = {
        shape
        for code in made.codes
        for grouped in (code, " ".join(code[at : at + 4] for at in range(0, 16, 4)))
        for shape in (grouped, grouped.encode().hex(), code[:15], f"{int(code):x}")
    }

    tables = await database.fetch(
        """
        SELECT relname FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        """
    )
    read = 0
    for (table,) in tables:
        for row in await database.fetch(f'SELECT "{table}"::text FROM "{table}"'):  # type: ignore[arg-type]
            read += 1
            assert not [shape for shape in shapes if shape in row[0]], table
    assert read > 40


async def test_a_file_of_many_pieces_is_whole(
    database: Database,
    keys: Keys,
    rules: Rules,
    printer: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sealing, "PIECE_BYTES", 1000)
    made = await generate(
        database,
        keys,
        rules.catalog,
        request(5000, recipient=str(printer.to_public()), keep_codes=False),
        source=CodeSource(chunk=700),
    )

    sizes = [
        row[0]
        for row in await database.fetch("SELECT length(sealed) FROM voucher_print ORDER BY piece")
    ]
    assert set(sizes[:-1]) == {1000}
    assert sum(sizes) == made.print_size
    text = age.decrypt(await sealed_file(database, made.batch_id), [printer]).decode()
    assert text.count("\n0001-") == 5000


async def test_a_batch_that_breaks_off_leaves_no_thread_behind(
    database: Database, keys: Keys, rules: Rules, printer: Any
) -> None:
    def stop(_done: int, _of: int) -> None:
        raise InterruptedError

    before = set(threading.enumerate())
    with pytest.raises(InterruptedError):
        await generate(
            database,
            keys,
            rules.catalog,
            request(30, recipient=str(printer.to_public())),
            stop,
            CodeSource(chunk=10),
        )

    for thread in set(threading.enumerate()) - before:
        if thread.name.endswith("(_encrypt)"):
            thread.join(5)
            assert not thread.is_alive()


def header(**changes: Any) -> PrintHeader:
    """Return the header of a small batch."""
    values: dict[str, Any] = {
        "operator": "Kancil Mobile",
        "batch_id": 12,
        "quantity": 2,
        "price_micros": 10 * RM,
        "lettered": False,
        "redeem_before": None,
        "created_at": NOW,
        **changes,
    }
    return PrintHeader(**values)


def test_a_header_stays_in_its_lines_whatever_the_operators_name() -> None:
    lines = header(operator="Kancil\n0012-00000001,1,1").text().splitlines()

    assert lines[1] == "# operator: Kancil 0012-00000001,1,1"
    assert [line for line in lines if not line.startswith("#")] == ["serial,code,price"]


def test_a_cipher_that_fails_says_so_without_a_word_of_the_text(
    printer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(reader: Any, _writer: Any, _recipients: Any) -> None:
        raise age.EncryptError(reader.read(100).decode())

    monkeypatch.setattr(sealing._age, "encrypt_io", fail)
    sealer = PrintSealer(header(), str(printer.to_public()))

    with pytest.raises(PrintFailed) as failure:
        sealer.finish()

    assert (str(failure.value), failure.value.__context__) == ("", None)


def test_a_bad_recipient_is_refused() -> None:
    with pytest.raises(FieldMalformed) as refusal:
        parse_recipient("AGE-SECRET-KEY-1")

    assert refusal.value.params == {"field": "recipient"}
