"""Tickets: opened, added to, answered, closed and erased; cards that were claimed in them.

What people write is sealed before it reaches the store, and bound to its ticket.
"""

from tambah.engine.tickets.cards import CardCheck, check_card, redeem_card
from tambah.engine.tickets.photos import MOST_PHOTO_BYTES, clean_photo
from tambah.engine.tickets.sealing import Facts, number_digest, open_facts
from tambah.engine.tickets.staff import (
    answer_ticket,
    assign_ticket,
    close_by_staff,
    erase_ticket,
    hand_out_photo,
    note_for_staff,
)
from tambah.engine.tickets.thread import Note, read_photo_of, read_thread
from tambah.engine.tickets.writing import Added, NewTicket, add_note, close_ticket, open_ticket

__all__ = [
    "MOST_PHOTO_BYTES",
    "Added",
    "CardCheck",
    "Facts",
    "NewTicket",
    "Note",
    "add_note",
    "answer_ticket",
    "assign_ticket",
    "check_card",
    "clean_photo",
    "close_by_staff",
    "close_ticket",
    "erase_ticket",
    "hand_out_photo",
    "note_for_staff",
    "number_digest",
    "open_facts",
    "open_ticket",
    "read_photo_of",
    "read_thread",
    "redeem_card",
]
