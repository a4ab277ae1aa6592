"""A sheet of rates that takes two people: it is stored when asked for, in force when agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tambah.domain.approval import Approval, Deed
from tambah.domain.refusals import InternalError
from tambah.domain.tariff_difference import Change
from tambah.engine.administer import acting, note
from tambah.engine.approving.filing import actor_behind
from tambah.engine.tariffs.loading import TariffResult, counts_of
from tambah.store.approvals import Wanted, waiting_approvals
from tambah.store.database import Database
from tambah.store.tariffs import agree_sheet, lock_tariffs, read_sheet


def ask_tariff(result: TariffResult) -> Wanted:
    """Ask for a stored sheet to come into force, with what it changes."""
    difference = result.difference
    return Wanted(
        deed=Deed.LOAD_TARIFF,
        subject=f"tariff_sheet:{result.sheet_id}",
        params={
            "sheet": result.sheet_id,
            "tariff": result.tariff,
            "rates": result.rates,
            "effective_from": result.effective_from.isoformat(),
            "sha256": result.sha256,
            **counts_of(difference),
            "most_dearer": [_written(one) for one in difference.most_dearer],
            "most_cheaper": [_written(one) for one in difference.most_cheaper],
        },
        before={"sheet": result.compared_with or 0},
    )


async def asked_already(
    database: Database, result: TariffResult, now: datetime
) -> Approval | None:
    """Return the request for a sheet that somebody may still decide, None where there is none."""
    for one in await waiting_approvals(database, now):
        if one.subject == f"tariff_sheet:{result.sheet_id}" and one.is_open(now):
            return one
    return None


async def agree_tariff(
    database: Database, approval: Approval, now: datetime
) -> Mapping[str, object]:
    """Let a sheet come into force on its day, or now where that has passed; return from when."""
    sheet_id = approval.params["sheet"]
    assert isinstance(sheet_id, int), f"sheet of request {approval.approval_id}"
    async with acting(database) as connection:
        await lock_tariffs(connection)
        sheet = await read_sheet(database, sheet_id)
        if sheet is None:
            raise InternalError(incident=str(approval.approval_id))
        if sheet.agreed_at is not None:
            # Who died after it was done left it so.
            return {"effective_at": sheet.effective_from.isoformat()}
        since = max(sheet.effective_from, now)
        await agree_sheet(connection, sheet_id, since, now)
        await note(
            connection,
            actor_behind(approval),
            "AgreeTariff",
            f"tariff_sheet:{sheet_id}",
            before={"state": "asked"},
            after={"state": "agreed", "tariff": sheet.tariff, "from": since.isoformat()},
        )
    return {"effective_at": since.isoformat()}


def _written(change: Change) -> dict[str, object]:
    return {
        "service": change.service.name.lower(),
        "origin": change.origin,
        "pattern": change.pattern,
        "on_net": change.on_net,
        "hours": change.hours,
        "name": change.name,
        "units": change.units,
        "before_micros": change.before_micros,
        "after_micros": change.after_micros,
    }
