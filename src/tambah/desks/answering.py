"""Answering tickets, from the console as from the command line: ready answers, and the SMS."""

from __future__ import annotations

from tambah.config import Operator
from tambah.desks.tickets import CALLER
from tambah.domain.care_commands import TellLine
from tambah.domain.numbering import NumberPlan, show_msisdn
from tambah.domain.payment import show_reference
from tambah.domain.refusals import Refusal
from tambah.domain.ticket import Ticket, show_ticket
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.tickets import open_facts
from tambah.i18n import LANGUAGES, texts

READY_ANSWERS = (
    "looking",
    "credited",
    "refunded",
    "more_needed",
    "photo_needed",
    "card_used",
    "solved",
)
"""Answers that come along in every language; `[tickets.answers]` adds the operator's own."""


def ready_answers(operator: Operator) -> dict[str, dict[str, str]]:
    """Return the ready answers by code, each in every language: ours, then the operator's own."""
    ours = {
        code: {tag: texts(tag).get(f"tickets.answer.{code}") for tag in LANGUAGES}
        for code in READY_ANSWERS
    }
    own = {code: dict(wordings) for code, wordings in operator.tickets.answers.items()}
    return ours | own


def fill(wordings: dict[str, str], values: dict[str, str]) -> dict[str, str]:
    """Return a ready answer with its {placeholders} filled; what is none of ours stays."""
    filled = dict(wordings)
    for name, value in values.items():
        filled = {tag: text.replace(f"{{{name}}}", value) for tag, text in filled.items()}
    return filled


def values_of(ticket: Ticket, keys: Keys, plan: NumberPlan) -> dict[str, str]:
    """Return what a ready answer's placeholders stand for in a ticket."""
    values = {"ticket": show_ticket(ticket.reference)}
    if ticket.sealed is not None:
        facts = open_facts(keys, ticket.reference, ticket.sealed)
        values["number"] = show_msisdn(facts.msisdn, plan)
        values["payment"] = show_reference(facts.payment) if facts.payment else ""
    return values


async def tell_subscriber(engine: Engine, ticket: Ticket, template: str) -> bool:
    """Tell the subscriber that something was done; say whether there is one to tell."""
    if ticket.line_id is None:
        return False
    command = TellLine(
        caller=CALLER,
        request_key=f"{template}:{ticket.reference}:{ticket.note_seq}",
        line_id=ticket.line_id,
        template=template,
        params=(("reference", show_ticket(ticket.reference)),),
    )
    try:
        await engine.submit(command)
    except Refusal:
        return False  # the line has ended; what was done stands all the same
    return True
