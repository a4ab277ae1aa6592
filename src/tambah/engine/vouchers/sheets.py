"""Sheets of a batch's cards: a tar archive of PDFs, encrypted to the printing house meanwhile.

A PDF holds at most `CARDS_IN_A_FILE` cards, so that memory stays small whatever the batch's size.
"""

import hashlib
import tarfile
from collections.abc import Sequence
from datetime import datetime

from tambah.domain.voucher import format_serial, group_code
from tambah.engine.vouchers.drawing import Face, SheetDesign, draw
from tambah.engine.vouchers.printing import shown_codes
from tambah.engine.vouchers.sealing import Sealer

CARDS_IN_A_FILE = 1_000
MOST_ON_SHEETS = 100_000
_BLOCK = 512


class SheetSealer:
    """The archive in the making: takes codes, gives back ciphertext.

    Call `add` for each chunk, `take` for what is ready, then `finish` or `abandon`. Its members
    are `cards-FIRST-to-LAST.pdf`, `slips-…` likewise, and `SHA256SUMS`.
    """

    def __init__(
        self,
        design: SheetDesign,
        batch_id: int,
        recipient: str,
        *,
        lettered: bool,
        created_at: datetime,
    ) -> None:
        self._design = design
        self._batch_id = batch_id
        self._lettered = lettered
        self._created_at = int(created_at.timestamp())
        self._sums: list[str] = []
        self._sealer = Sealer(recipient)

    def add(self, first: int, codes: Sequence[bytes]) -> None:
        """Add the PDFs of some cards, numbered on from `first`. Blocks; raises PrintFailed."""
        shown = shown_codes(codes, lettered=self._lettered)
        faces = [
            Face(
                serial=format_serial(self._batch_id, number),
                code=code.decode(),
                shown=group_code(text),
            )
            for number, (code, text) in enumerate(zip(codes, shown, strict=True), first)
        ]
        for kind in self._design.kinds:
            pdf = draw(kind, self._design, self._batch_id, faces)
            name = f"{kind}-{faces[0].serial}-to-{faces[-1].serial}.pdf"
            self._sums.append(f"{hashlib.sha256(pdf).hexdigest()}  {name}\n")
            self._add_member(name, pdf)

    def take(self) -> list[bytes]:
        """Return the ciphertext that is ready, in whole pieces."""
        return self._sealer.take()

    def finish(self) -> list[bytes]:
        """End the archive and return the rest of the ciphertext. Blocks; raises PrintFailed."""
        self._add_member("SHA256SUMS", "".join(self._sums).encode())
        self._sealer.feed(bytes(2 * _BLOCK))
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

    def _add_member(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = len(content), self._created_at, 0o600
        self._sealer.feed(member.tobuf())
        self._sealer.feed(content)
        self._sealer.feed(bytes(-len(content) % _BLOCK))
