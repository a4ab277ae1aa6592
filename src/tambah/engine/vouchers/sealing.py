"""An age file in the making: clear text in, ciphertext out, piece by piece, at constant memory.

It is an ordinary age file (`age -d -i KEY FILE`). The clear text goes from memory into the cipher
and nowhere else.
"""

import contextlib
import hashlib
import queue
import threading
from typing import Any

import pyrage

from tambah.domain.refusals import FieldMalformed

PIECE_BYTES = 1_000_000
_QUEUED_BLOCKS = 2
_age: Any = pyrage  # it comes without types


class PrintFailed(Exception):
    """What is printed could not be made; the batch stays a draft."""


def parse_recipient(text: str) -> object:
    """Read a printing house's public key, `age1…`. Raises FieldMalformed."""
    try:
        return _age.x25519.Recipient.from_str(text.strip())
    except _age.RecipientError as error:
        raise FieldMalformed(field="recipient") from error


class Sealer:
    """One age file, encrypted to `recipient` alone.

    The cipher library pulls its input, so it runs in a thread of its own and is fed through a
    short queue. Call `feed` for each block, `take` for what is ready, then `finish` or `abandon`.
    """

    def __init__(self, recipient: str) -> None:
        self._output = _Output()
        self._input = _Input()
        self._succeeded = False
        self._thread = threading.Thread(
            target=self._encrypt, args=(parse_recipient(recipient),), daemon=True
        )
        self._thread.start()

    def feed(self, clear: bytes) -> None:
        """Add a block of clear text. Blocks; raises PrintFailed."""
        while not self._input.offer(clear, seconds=1):
            if not self._thread.is_alive():
                raise PrintFailed

    def take(self) -> list[bytes]:
        """Return the ciphertext that is ready, in whole pieces."""
        return self._output.take(whole_pieces=True)

    def finish(self) -> list[bytes]:
        """End the file and return the rest of the ciphertext. Blocks; raises PrintFailed."""
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
