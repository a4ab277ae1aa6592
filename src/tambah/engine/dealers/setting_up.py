"""Adding dealers to the tree, and agreeing with them on commission and limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tambah.domain.actor import Actor
from tambah.domain.dealer import (
    MOST_LEVELS,
    MOST_RATE_BP,
    Agreement,
    DealerKind,
    Neighbour,
    PaidAs,
    require_fits_tree,
)
from tambah.domain.money import ringgit
from tambah.domain.refusals import DealerExists, DealerUnknown, FieldMalformed, PartnerUnknown
from tambah.engine.administer import acting, note
from tambah.store.database import Connection, Database
from tambah.store.ledger import dealer_admin, dealers, lines, partner_admin

LEAD = timedelta(minutes=1)
"""How long an agreement is made before it is in force: no sale then stands under it unseen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A dealer's own limits. Micro-ringgit; the daily cap is None for none."""

    credit_limit_micros: int = 0
    least_micros: int = 1_000_000
    most_micros: int = 500_000_000
    daily_cap_micros: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is agreed with a dealer; see `domain.dealer.Agreement`."""

    rate_bp: int
    paid_as: PaidAs = PaidAs.MARGIN
    most_sale_micros: int | None = None
    most_day_micros: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDealer:
    """A dealer to be added.

    partner_id: a partner that becomes one, None for a new partner of that name. draws_on_parent:
    its sales are paid by its parent's float, or by whose that one draws on.
    """

    name: str = ""
    kind: DealerKind
    partner_id: int | None = None
    parent_id: int | None = None
    draws_on_parent: bool = False
    limits: Limits = Limits()
    terms: Terms | None = None


async def add_dealer(database: Database, new: NewDealer, actor: Actor) -> int:
    """Put a dealer in its place in the tree, for good; return its partner id.

    What is agreed with it at once is in force at once. Raises FieldMalformed, PartnerUnknown,
    DealerUnknown (the parent), DealerExists, CommissionOutOfTree, ReasonMissing.
    """
    async with acting(database) as connection:
        return await plant(connection, new, actor)


async def foresee_dealer(database: Database, new: NewDealer) -> None:
    """Refuse a dealer that could not be added now. Raises what `add_dealer` does, but for
    ReasonMissing.
    """
    connection = await database.connect()
    try:
        async with connection.transaction():
            await _insert(connection, new)
            raise _OnlyForeseen
    except _OnlyForeseen:
        return
    finally:
        await connection.close()


class _OnlyForeseen(Exception):
    """What was tried is to be undone."""


async def plant(connection: Connection, new: NewDealer, actor: Actor) -> int:
    """Add a dealer within the caller's transaction, as `add_dealer` does."""
    place = await _insert(connection, new)
    after = {
        "name": new.name,
        "kind": new.kind.name.lower(),
        "path": list(place.path),
        "charged": list(place.charged),
        **_described(new.terms),
    }
    await note(connection, actor, "AddDealer", f"partner:{place.partner_id}", after=after)
    return place.partner_id


async def _insert(connection: Connection, new: NewDealer) -> dealer_admin.DealerPlace:
    now: datetime = await connection.fetchval("SELECT now()")
    place = await _place(connection, new, now)
    if not await dealer_admin.insert_dealer(connection, place):
        name = place.sibling_name or ""
        found = await dealer_admin.find_child(connection, place.parent_id, name)
        raise DealerExists(dealer=found or 0)
    if new.terms is not None:
        agreement = _agreement(new.terms, now)
        await _require_fits(connection, place.partner_id, place.parent_id, agreement)
        await dealer_admin.insert_agreement(connection, place.partner_id, agreement)
    return place


async def _place(
    connection: Connection, new: NewDealer, now: datetime
) -> dealer_admin.DealerPlace:
    path, charged = await _above(connection, new)
    partner_id, name = await _partner(connection, new, now)
    return dealer_admin.DealerPlace(
        partner_id=partner_id,
        parent_id=new.parent_id,
        kind=new.kind,
        path=(*path, partner_id),
        charged=(partner_id, *charged),
        created_at=now,
        sibling_name=dealer_admin.folded_name(name),
    )


async def _above(
    connection: Connection, new: NewDealer
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the path to the parent, and whose limits count besides the dealer's own."""
    if new.parent_id is None:
        if new.draws_on_parent:
            raise FieldMalformed(field="draws_on_parent")
        return (), ()
    parent = await dealer_admin.lock_dealer(connection, new.parent_id)
    if parent is None:
        raise DealerUnknown
    if len(parent.path) >= MOST_LEVELS:
        raise FieldMalformed(field="parent")
    return parent.path, parent.charged if new.draws_on_parent else ()


async def _partner(connection: Connection, new: NewDealer, now: datetime) -> tuple[int, str]:
    """Return the partner that becomes a dealer, and its name."""
    if new.partner_id is not None:
        name = await partner_admin.name_of(connection, new.partner_id)
        if name is None:
            raise PartnerUnknown
        if await dealer_admin.lock_dealer(connection, new.partner_id) is not None:
            raise FieldMalformed(field="partner")
        return new.partner_id, name
    if not new.name.strip():
        raise FieldMalformed(field="name")
    partner_id = (await lines.mint_owner_ids(connection, 1))[0]
    await partner_admin.insert_partner(
        connection,
        partner_admin.NewPartner(
            partner_id=partner_id,
            name=new.name.strip(),
            speaks_for_lines=False,
            credit_limit_micros=new.limits.credit_limit_micros,
            least_micros=new.limits.least_micros,
            most_micros=new.limits.most_micros,
            daily_cap_micros=new.limits.daily_cap_micros,
            created_at=now,
        ),
    )
    return partner_id, new.name.strip()


async def set_agreement(
    database: Database,
    partner_id: int,
    terms: Terms,
    actor: Actor,
    effective_at: datetime | None = None,
) -> Agreement:
    """Agree with a dealer anew, from an instant on (a minute from now at the earliest).

    Raises DealerUnknown, FieldMalformed, CommissionOutOfTree, ReasonMissing.
    """
    async with acting(database) as connection:
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        earliest = now + LEAD
        if effective_at is not None and effective_at < earliest:
            raise FieldMalformed(field="effective_at")
        found = await dealers.read_dealers(connection, [partner_id])
        if partner_id not in found:
            raise DealerUnknown
        agreement = _agreement(terms, effective_at or earliest)
        await _require_fits(connection, partner_id, found[partner_id].parent_id, agreement)
        await dealer_admin.insert_agreement(connection, partner_id, agreement)
        after = {"effective_at": agreement.effective_at.isoformat(), **_described(terms)}
        await note(connection, actor, "SetAgreement", f"partner:{partner_id}", after=after)
    return agreement


async def foresee_agreement(
    database: Database, partner_id: int, terms: Terms, effective_at: datetime | None, now: datetime
) -> Agreement | None:
    """Return what would be in force where the new terms begin, None for nothing agreed.

    Nothing is held: it may have changed when the terms are agreed on. Raises what
    `set_agreement` does, but for ReasonMissing.
    """
    earliest = now + LEAD
    if effective_at is not None and effective_at < earliest:
        raise FieldMalformed(field="effective_at")
    new = _agreement(terms, effective_at or earliest)
    async with database.read() as connection:
        found = await dealers.read_dealers(connection, [partner_id])
        if partner_id not in found:
            raise DealerUnknown
        await _check_fits(connection, partner_id, found[partner_id].parent_id, new)
    return found[partner_id].agreed_with(partner_id, new.effective_at)


async def _require_fits(
    connection: Connection, partner_id: int, parent_id: int | None, new: Agreement
) -> None:
    """Refuse terms that do not fit the parent's or a child's, which nobody else changes now."""
    # Whoever agrees with a neighbour holds one of these rows too.
    for dealer_id in sorted({partner_id, parent_id or partner_id}):
        await dealer_admin.lock_dealer(connection, dealer_id)
    await _check_fits(connection, partner_id, parent_id, new)


async def _check_fits(
    connection: Connection, partner_id: int, parent_id: int | None, new: Agreement
) -> None:
    children = await dealer_admin.children_of(connection, partner_id)
    wanted = [partner_id, *children, *([] if parent_id is None else [parent_id])]
    agreements = await dealers.read_agreements(connection, wanted)
    own = agreements.get(partner_id, ())
    if any(one.effective_at == new.effective_at for one in own):
        raise FieldMalformed(field="effective_at")
    neighbours = [Neighbour(False, agreements.get(child, ())) for child in children]
    if parent_id is not None:
        neighbours.append(Neighbour(True, agreements.get(parent_id, ())))
    require_fits_tree(new, own, neighbours)


def _agreement(terms: Terms, effective_at: datetime) -> Agreement:
    if not 0 <= terms.rate_bp <= MOST_RATE_BP:
        raise FieldMalformed(field="rate")
    limits = (terms.most_sale_micros, terms.most_day_micros)
    if any(limit is not None and limit < 0 for limit in limits):
        raise FieldMalformed(field="limits")
    return Agreement(
        effective_at=effective_at,
        rate_bp=terms.rate_bp,
        paid_as=terms.paid_as,
        most_sale_micros=terms.most_sale_micros,
        most_day_micros=terms.most_day_micros,
    )


def _described(terms: Terms | None) -> dict[str, object]:
    if terms is None:
        return {}
    most_sale, most_day = terms.most_sale_micros, terms.most_day_micros
    return {
        "rate_bp": terms.rate_bp,
        "paid_as": terms.paid_as.name.lower(),
        "most_sale": None if most_sale is None else ringgit(most_sale),
        "most_day": None if most_day is None else ringgit(most_day),
    }
