"""Keeping a partner from selling, and letting it again."""

from __future__ import annotations

from tambah.domain.actor import Actor
from tambah.domain.refusals import PartnerUnknown
from tambah.engine.administer import acting, note
from tambah.store.database import Database
from tambah.store.ledger.partner_admin import suspend_partner


async def set_suspended(
    database: Database, partner_id: int, actor: Actor, *, suspended: bool
) -> None:
    """Suspend a partner, whose sales and reloads are then refused, or lift that.

    Doing it again changes nothing and leaves no audit row. Raises PartnerUnknown, ReasonMissing.
    """
    async with acting(database) as connection:
        was = await suspend_partner(connection, partner_id, suspended=suspended)
        if was is None:
            raise PartnerUnknown
        if was != suspended:
            await note(
                connection,
                actor,
                "SuspendPartner" if suspended else "ResumePartner",
                f"partner:{partner_id}",
                before={"suspended": was},
                after={"suspended": suspended},
            )
