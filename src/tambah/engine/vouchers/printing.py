"""The print file: what the printing house is given, encrypted to its key as it is made.

It is one ordinary age file (`age -d -i KEY FILE`), written in one pass at constant memory. The
clear text goes from memory into the cipher and nowhere else.
"""

import contextlib
import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyrage

from tambah.domain.money import ringgit
from tambah.domain.refusals import FieldMalformed
from tambah.domain.voucher import CODE_DIGITS, SERIAL_DIGITS, format_serial, letter_code

PIECE_BYTES = 1_000_000
_QUEUED_BLOCKS = 2
_age: Any = pyrage  # it comes without types


class PrintFailed(Exception):
    """The encryption of the print file broke off; the batch stays a draft."""


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


def parse_recipient(text: str) -> object:
    """Read a printing house's public key, `age1…`. Raises FieldMalformed."""
    try:
        return _age.x25519.Recipient.from_str(text.strip())
    except _age.RecipientError as error:
        raise FieldMalformed(field="recipient") from error


class PrintSealer:
    """A print file in the making: takes codes, gives back ciphertext.

    The cipher library pulls its input, so it runs in a thread of its own and is fed through a
    short queue. Call `add` for each chunk, `take` for what is ready, then `finish` or `abandon`.
    """

    def __init__(self, header: PrintHeader, recipient: str) -> None:
        self._header = header
        self._output = _Output()
        self._input = _Input()
        self._succeeded = False
        self._thread = threading.Thread(
            target=self._encrypt, args=(parse_recipient(recipient),), daemon=True
        )
        self._thread.start()
        self._clear_digest = hashlib.sha256()
        self._feed(header.text().encode())

    def add(self, first: int, codes: Iterable[bytes]) -> None:
        """Add a line for each code, numbered on from `first`. Blocks; raises PrintFailed."""
        prefix = format_serial(self._header.batch_id, 0)[:-SERIAL_DIGITS]
        price = ringgit(self._header.price_micros)
        shown = map(_letter(), codes) if self._header.lettered else map(bytes.decode, codes)
        lines = [
            f"{prefix}{number:0{SERIAL_DIGITS}d},{c[:4]} {c[4:8]} {c[8:12]} {c[12:]},{price}\n"
            for number, c in enumerate(shown, first)
        ]
        self._feed("".join(lines).encode())

    def take(self) -> list[bytes]:
        """Return the ciphertext that is ready, in whole pieces."""
        return self._output.take(whole_pieces=True)

    def finish(self) -> list[bytes]:
        """End the file and return the rest of the ciphertext. Blocks; raises PrintFailed."""
        self._feed(f"# sha256 {self._clear_digest.hexdigest()}\n".encode())
        self._input.end()
        self._thread.join()
        if not self._succeeded:
            raise PrintFailed
        return self._output.take(whole_pieces=False)

    def abandon(self) -> None:
        """Let the thread end; what it made is of no use."""
        self._input.end()

    @property
    def digest(self) -> bytes:
        """Return the SHA-256 of the ciphertext, after `finish`."""
        return self._output.digest.digest()

    @property
    def size(self) -> int:
        """Return the ciphertext's size in bytes, after `finish`."""
        return self._output.size

    def _feed(self, text: bytes) -> None:
        self._clear_digest.update(text)
        while not self._input.offer(text, seconds=1):
            if not self._thread.is_alive():
                raise PrintFailed

    def _encrypt(self, recipient: object) -> None:
        # The error's text may hold some of what was being encrypted: nothing of it is passed on.
        with contextlib.suppress(_age.EncryptError):
            _age.encrypt_io(self._input, self._output, [recipient])
            self._succeeded = True


class _Input:
    """The clear text as a file that the cipher reads from."""

    def __init__(self) -> None:
        self._blocks: queue.Queue[bytes] = queue.Queue(_QUEUED_BLOCKS)
        self._rest = memoryview(b"")
        self._ended = threading.Event()

    def offer(self, block: bytes, *, seconds: float) -> bool:
        try:
            self._blocks.put(block, timeout=seconds)
        except queue.Full:
            return False
        return True

    def end(self) -> None:
        self._ended.set()

    def read(self, size: int) -> bytes:
        while not self._rest:
            block = self._next()
            if block is None:
                return b""
            self._rest = memoryview(block)
        read, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return read

    def _next(self) -> bytes | None:
        while True:
            try:
                return self._blocks.get(timeout=0.02)
            except queue.Empty:
                # Ended first, then asked once more: what was put before the end is not missed.
                if self._ended.is_set() and self._blocks.empty():
                    return None


class _Output:
    """The ciphertext as a file that the cipher writes to, cut into pieces for the database."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self._ready = bytearray()
        self._lock = threading.Lock()

    def write(self, sealed: bytes) -> int:
        with self._lock:
            self.digest.update(sealed)
            self.size += len(sealed)
            self._ready += sealed
        return len(sealed)

    def flush(self) -> None:
        pass

    def take(self, *, whole_pieces: bool) -> list[bytes]:
        with self._lock:
            ready = self._ready
            end = len(ready) // PIECE_BYTES * PIECE_BYTES if whole_pieces else len(ready)
            pieces = [bytes(ready[at : at + PIECE_BYTES]) for at in range(0, end, PIECE_BYTES)]
            self._ready = ready[end:]
        return pieces


def _letter() -> Callable[[bytes], str]:
    """Return a function that shows a code with letters.

    The choice among the characters of one key tells nothing of the code (the letter itself names
    its key), so a byte's remainder is good enough and ten times as fast as `secrets.choice`.
    """

    def show(code: bytes) -> str:
        chances = iter(os.urandom(CODE_DIGITS))
        return letter_code(code.decode(), lambda choices: choices[next(chances) % len(choices)])

    return show
