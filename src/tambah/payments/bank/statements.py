"""Reading a bank's file: what format it is, its entries, and what tells each from all others."""

from __future__ import annotations

import codecs
import errno
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from tambah.domain.refusals import StatementMalformed, StatementTooLarge
from tambah.payments.bank.camt import read_camt
from tambah.payments.bank.entry import Booking, Entry, Statement
from tambah.payments.bank.scanning import clear_references
from tambah.payments.bank.swift import is_mt940, read_mt940

MOST_MB = 20
MOST_BYTES = MOST_MB * 1024 * 1024
_XML_STARTS = (b"<", b"\x00<", b"<\x00")
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEntry:
    """An entry with its fingerprint. is_repeat: the file has it before, word for word."""

    fingerprint: bytes
    entry: Entry
    is_repeat: bool


class NotPlainFile(OSError):
    """A link, a pipe, a folder or a device where a file was expected."""


def read_file(path: Path) -> bytes:
    """Return a file's content, never more than the limit, and never what a link points at.

    Raises StatementTooLarge, NotPlainFile and other OSError.
    """
    with open(_open_plain(path), "rb") as file:
        data = file.read(MOST_BYTES + 1)
    require_size(data)
    return data


def _open_plain(path: Path) -> int:
    """Open a file, and look at what was opened: its name may lead elsewhere by now."""
    try:
        # A pipe without a writer would be waited for.
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as failure:
        if failure.errno in (errno.ELOOP, errno.ENXIO):
            raise NotPlainFile(failure.errno, "Not a plain file", str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise NotPlainFile(errno.EINVAL, "Not a plain file", str(path))
    return opened


def require_size(data: bytes) -> None:
    """Raise StatementTooLarge for what is over the limit."""
    if len(data) > MOST_BYTES:
        raise StatementTooLarge(most_mb=MOST_MB)


def read_statement(data: bytes, zone: tzinfo) -> Statement:
    """Read a bank's file. Raises StatementMalformed and StatementTooLarge. Takes seconds at most.

    zone: of the bank's days.
    """
    require_size(data)
    bare = data
    for bom in _BOMS:
        bare = bare.removeprefix(bom)
    if bare.lstrip()[:2].startswith(_XML_STARTS):
        # White space before the declaration is wrong in XML and common in downloads.
        return read_camt(data if bare is not data else data.lstrip(), zone)
    text = _decode(data)
    if not is_mt940(text):
        raise StatementMalformed(where="line 1")
    return read_mt940(text)


def name_entries(entries: Iterable[Entry]) -> list[NamedEntry]:
    """Give each entry its fingerprint: what the bank says of it, the same in every file.

    The bank's own name for an entry counts where there is one, else its texts; equals in one file
    are counted. When in doubt two fingerprints differ: an entry that comes twice is seen by a
    person, one that was taken for another would be lost.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    texts: set[tuple[str, ...]] = set()
    named: list[NamedEntry] = []
    for entry in entries:
        key = _key(entry)
        whole = (*key, entry.texts)
        seen[key] += 1
        named.append(
            NamedEntry(
                fingerprint=_digest((*key, str(seen[key]))),
                entry=entry,
                is_repeat=entry.bank_ref is not None and whole in texts,
            )
        )
        texts.add(whole)
    return named


def _key(entry: Entry) -> tuple[str, ...]:
    told_by = (
        ("ref", entry.bank_ref, *sorted(clear_references(entry.texts)))
        if entry.bank_ref
        else ("texts", entry.texts)
    )
    return (
        entry.account,
        entry.booked_on.isoformat(),
        str(entry.amount_micros),
        entry.currency,
        "in" if entry.is_credit else "out",
        "reversal" if entry.is_reversal else "",
        # What is pending now is booked later, under the same name.
        "" if entry.booking is Booking.BOOKED else entry.booking.value,
        *told_by,
    )


def _digest(parts: tuple[str, ...]) -> bytes:
    hashed = hashlib.blake2b(digest_size=16, person=b"bank entry")
    for part in parts:
        encoded = part.encode()
        hashed.update(len(encoded).to_bytes(4, "big") + encoded)
    return hashed.digest()


def _decode(data: bytes) -> str:
    """Return a text file's content: UTF-16 by its mark, UTF-8, else the Windows alphabet."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
