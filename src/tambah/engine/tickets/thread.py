"""A ticket as it reads: what was written in it, and by whom, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tambah.domain.ticket import Author
from tambah.engine.keys import Keys
from tambah.engine.tickets.sealing import ANY_LANGUAGE, open_photo, open_wordings
from tambah.store.database import Database
from tambah.store.tickets import list_photos, read_notes, read_photo


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note, opened. wordings: by language tag, or one for any. photos: their numbers."""

    note_no: int
    author: Author
    at: datetime
    wordings: dict[str, str] = field(repr=False)
    photos: tuple[int, ...] = ()

    def text(self, tag: str) -> str:
        """Return the note in a reader's language, or as it was written."""
        return self.wordings.get(tag) or self.wordings.get(ANY_LANGUAGE, "")

    @property
    def is_ready_made(self) -> bool:
        """Say whether it is a ready answer, with wordings in every language."""
        return ANY_LANGUAGE not in self.wordings


async def read_thread(
    database: Database, keys: Keys, reference: str, *, for_staff: bool = False
) -> list[Note]:
    """Return a ticket's notes in order; those that staff wrote for staff only for staff."""
    photos = await list_photos(database, reference)
    return [
        Note(
            note_no=row.note_no,
            author=row.author,
            at=row.at,
            wordings=open_wordings(keys, reference, row.note_no, row.sealed),
            photos=tuple(photo_no for photo_no, note_no in photos if note_no == row.note_no),
        )
        for row in await read_notes(database, reference)
        if for_staff or row.author is not Author.STAFF_ONLY
    ]


async def read_photo_of(
    database: Database, keys: Keys, reference: str, photo_no: int
) -> bytes | None:
    """Return a photo of a ticket (JPEG), None when there is none."""
    sealed = await read_photo(database, reference, photo_no)
    return None if sealed is None else open_photo(keys, reference, photo_no, sealed)
