"""Taking a SIM out of the stock that will serve nobody."""

from __future__ import annotations

from tambah.domain.actor import Actor
from tambah.domain.records import replace
from tambah.domain.refusals import SimNotUsable, SimUnknown
from tambah.domain.sim import Sim, SimState
from tambah.engine.administer import note
from tambah.store.database import Database
from tambah.store.ledger import sims


async def retire_sim(database: Database, iccid: str, actor: Actor, *, is_lost: bool) -> Sim:
    """Take a SIM out of the stock, damaged or lost; its code is erased.

    One that serves a line is replaced instead. Raises SimUnknown, SimNotUsable, ReasonMissing.
    """
    connection = await database.connect_writer()
    try:
        async with connection.transaction():
            now = await connection.fetchval("SELECT now()")
            sim = (await sims.lock_sims(connection, [iccid])).get(iccid)
            if sim is None:
                raise SimUnknown
            if sim.state is not SimState.IN_STOCK:
                raise SimNotUsable(state=sim.state.name.lower())
            state = SimState.LOST if is_lost else SimState.RETIRED
            ended = replace(sim, state=state, sealed=None, ended_at=now)
            await sims.update_sims(connection, [ended])
            after = {"state": state.name.lower()}
            await note(connection, actor, "RetireSim", f"sim:{iccid}", after=after)
    finally:
        await connection.close()
    return ended
