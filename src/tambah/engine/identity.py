"""Whether somebody is whom a line is registered to: a document and one more registered fact.

Both are compared by keyed digests; what was typed is kept nowhere. A MyKad number begins with the
birth date, so that the birth date is no second fact beside it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from cryptography.exceptions import InvalidTag

from tambah.domain.actor import Actor
from tambah.domain.numbering import NumberPlan, fold_msisdn
from tambah.domain.refusals import FieldMalformed, FieldMissing, Refusal
from tambah.engine.administer import note
from tambah.engine.importing.people import FactKind, fact_digest, open_person
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tambah.store.ledger.persons import erase_person
from tambah.store.views.persons import lines_of_fact, sealed_person

SECOND_FACTS = (FactKind.NAME, FactKind.CONTACT, FactKind.BIRTH_DATE)
_MYKAD = re.compile(r"[0-9]{12}")
_WRITTEN_DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d %m %Y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who somebody says to be, as digests: of the document, and of the ways to write the other."""

    document: bytes = field(repr=False)
    kind: FactKind
    facts: tuple[bytes, ...] = field(repr=False)


def read_claim(keys: Keys, plan: NumberPlan, document: str, kind: str, fact: str) -> Claim:
    """Read what was typed.

    Raises FieldMissing (document, fact) and FieldMalformed: a kind of fact that there is not, a
    birth date that is none, or one beside a MyKad.
    """
    if not document.strip():
        raise FieldMissing(field="document")
    if not fact.strip():
        raise FieldMissing(field="fact")
    known = {one.name.lower(): one for one in SECOND_FACTS}
    if kind not in known:
        raise FieldMalformed(field="kind")
    chosen = known[kind]
    if chosen is FactKind.BIRTH_DATE and is_mykad(document):
        raise FieldMalformed(field="kind")
    return Claim(
        document=fact_digest(keys, FactKind.DOCUMENT, document),
        kind=chosen,
        facts=tuple(fact_digest(keys, chosen, text) for text in _spellings(chosen, fact, plan)),
    )


def is_mykad(document: str) -> bool:
    """Say whether a document's number is of the Malaysian identity card: YYMMDD first."""
    digits = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", document))
    if not _MYKAD.fullmatch(digits):
        return False
    try:
        date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return False
    return True


async def lines_of(database: Database, claim: Claim) -> list[int]:
    """Return the lines that are registered to such a person, the oldest first; often several."""
    ours = set(await lines_of_fact(database, claim.document, FactKind.DOCUMENT))
    for digest in claim.facts:
        if also := ours.intersection(await lines_of_fact(database, digest, claim.kind)):
            return sorted(also)
    return []


async def other_number(
    database: Database, keys: Keys, plan: NumberPlan, line_id: int
) -> int | None:
    """Return the other number that a line's person registered, None for none that gets SMS."""
    sealed = await sealed_person(database, line_id)
    if sealed is None:
        return None
    try:
        return fold_msisdn(open_person(keys, line_id, sealed).get("contact", ""), plan)
    except (InvalidTag, Refusal):
        return None


async def note_check(database: Database, line_ids: Iterable[int], *, purpose: str) -> None:
    """Leave an audit row of an identity check: what for, and which lines it found, if any.

    What was answered is not part of it.
    """
    found = list(line_ids)
    connection = await database.connect_writer()
    try:
        async with connection.transaction():
            await note(
                connection,
                Actor(who="subscriber", why=purpose),
                "CheckIdentity",
                f"line:{found[0]}" if found else "nobody",
                after={"matched": bool(found), "lines": found},
            )
    finally:
        await connection.close()


async def erase(database: Database, line_id: int, actor: Actor) -> bool:
    """Erase who a line's person is; the books stay as they are. Say whether there was somebody.

    Raises ReasonMissing.
    """
    connection = await database.connect_writer()
    try:
        async with connection.transaction():
            erased = await erase_person(connection, line_id)
            await note(
                connection, actor, "ErasePerson", f"line:{line_id}", before={"known": erased}
            )
    finally:
        await connection.close()
    return erased


def _spellings(kind: FactKind, text: str, plan: NumberPlan) -> list[str]:
    """Return the ways in which a fact may have been registered."""
    if kind is FactKind.BIRTH_DATE:
        return [_read_day(text).isoformat()]
    if kind is not FactKind.CONTACT:
        return [text]
    try:
        msisdn = str(fold_msisdn(text, plan))
    except Refusal:
        return [text]
    national = plan.trunk_prefix + msisdn.removeprefix(plan.country_code)
    return [text, f"+{msisdn}", msisdn, national]


def _read_day(text: str) -> date:
    folded = unicodedata.normalize("NFKC", text).strip()
    for form in _WRITTEN_DAYS:
        try:
            return datetime.strptime(folded, form).date()  # noqa: DTZ007 - a day
        except ValueError:
            continue
    raise FieldMalformed(field="fact")
