"""The print file: what the printing house is given, encrypted to its key as it is made.

Written in one pass at constant memory, for the machines of a card printer.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from tambah.domain.money import ringgit
from tambah.domain.voucher import CODE_DIGITS, SERIAL_DIGITS, format_serial, letter_code
from tambah.engine.vouchers.sealing import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintHeader:
    """What stands at the top of a print file. price: micro-ringgit of each card."""

    operator: str
    batch_id: int
    quantity: int
    price_micros: int
    lettered: bool
    redeem_before: datetime | None
    created_at: datetime

    def text(self) -> str:
        """Return the commented header and the line that names the columns."""
        first, last = format_serial(self.batch_id, 1), format_serial(self.batch_id, self.quantity)
        shown = "digits and letters of telephone keys" if self.lettered else "digits"
        until = self.redeem_before.isoformat() if self.redeem_before else "no end"
        lines = [
            "Tambah print file, version 1",
            f"operator: {' '.join(self.operator.split())}",
            f"batch: {self.batch_id:04d}",
            f"made: {self.created_at.isoformat()}",
            f"serials: {first} to {last}",
            f"count: {self.quantity}",
            f"price: RM {ringgit(self.price_micros)}",
            f"total face value: RM {ringgit(self.price_micros * self.quantity)}",
            f"redeem before: {until}",
            f"codes: {CODE_DIGITS} {shown}, in groups of four",
            "checksum: the last line is the SHA-256 of every byte before it;",
            "  compare it with: head -n -1 FILE | sha256sum",
        ]
        return "".join(f"# {line}\n" for line in lines) + "serial,code,price\n"


class PrintSealer:
    """A print file in the making: takes codes, gives back ciphertext.

    Call `add` for each chunk, `take` for what is ready, then `finish` or `abandon`.
    """

    def __init__(self, header: PrintHeader, recipient: str) -> None:
        self._header = header
        self._sealer = Sealer(recipient)
        self._clear_digest = hashlib.sha256()
        self._feed(header.text().encode())

    def add(self, first: int, codes: Iterable[bytes]) -> None:
        """Add a line for each code, numbered on from `first`. Blocks; raises PrintFailed."""
        prefix = format_serial(self._header.batch_id, 0)[:-SERIAL_DIGITS]
        price = ringgit(self._header.price_micros)
        lines = [
            f"{prefix}{number:0{SERIAL_DIGITS}d},{c[:4]} {c[4:8]} {c[8:12]} {c[12:]},{price}\n"
            for number, c in enumerate(shown_codes(codes, lettered=self._header.lettered), first)
        ]
        self._feed("".join(lines).encode())

    def take(self) -> list[bytes]:
        """Return the ciphertext that is ready, in whole pieces."""
        return self._sealer.take()

    def finish(self) -> list[bytes]:
        """End the file and return the rest of the ciphertext. Blocks; raises PrintFailed."""
        self._feed(f"# sha256 {self._clear_digest.hexdigest()}\n".encode())
        return self._sealer.finish()

    def abandon(self) -> None:
        """Let the cipher end; what it made is of no use."""
        self._sealer.abandon()

    @property
    def digest(self) -> bytes:
        """Return the SHA-256 of the ciphertext, after `finish`."""
        return self._sealer.digest

    @property
    def size(self) -> int:
        """Return the ciphertext's size in bytes, after `finish`."""
        return self._sealer.size

    def _feed(self, text: bytes) -> None:
        self._clear_digest.update(text)
        self._sealer.feed(text)


def shown_codes(codes: Iterable[bytes], *, lettered: bool) -> Iterable[str]:
    """Return codes as a card shows them, ungrouped: digits, or some of them as letters."""
    return map(_letter(), codes) if lettered else map(bytes.decode, codes)


def _letter() -> Callable[[bytes], str]:
    """Return a function that shows a code with letters.

    The choice among the characters of one key tells nothing of the code (the letter itself names
    its key), so a byte's remainder is good enough and ten times as fast as `secrets.choice`.
    """

    def show(code: bytes) -> str:
        chances = iter(os.urandom(CODE_DIGITS))
        return letter_code(code.decode(), lambda choices: choices[next(chances) % len(choices)])

    return show
