"""Promotions by two people: what is asked for, and how it comes into force.

A promotion is in force from its approval at the earliest: nothing is given with top-ups that were
made before somebody agreed to it. Its name is for ever, among those of operator.toml as well, for
what it gave bears it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from tambah.domain.approval import Approval, Deed
from tambah.domain.promotion import Promotion
from tambah.domain.records import replace
from tambah.domain.refusals import PromotionNameTaken, PromotionOver, PromotionUnknown
from tambah.engine.administer import acting, note
from tambah.engine.approving.filing import actor_behind
from tambah.engine.approving.means import Means
from tambah.store.approvals import Wanted
from tambah.store.database import Database
from tambah.store.promotions import (
    insert_version,
    last_version,
    lock_promotions,
    read_promotions,
    version_by,
)

Outcome = Mapping[str, object]


async def ask_promotion(
    database: Database, names: set[str], promotion: Promotion, now: datetime
) -> Wanted:
    """Ask for a promotion. names: of operator.toml's. Raises PromotionNameTaken, PromotionOver."""
    made = {one.promotion.name for one in await read_promotions(database)}
    if promotion.name in names | made:
        raise PromotionNameTaken
    _require_to_come(promotion, now)
    return Wanted(
        deed=Deed.MAKE_PROMOTION,
        subject=f"promotion:{promotion.name}",
        params={"promotion": plain(promotion)},
        before={},
    )


async def ask_ending(database: Database, name: str, now: datetime) -> Wanted:
    """Ask for a promotion to end once it is agreed. Raises PromotionUnknown, PromotionOver."""
    found = {one.promotion.name: one.promotion for one in await read_promotions(database)}
    if name not in found:
        raise PromotionUnknown
    _require_to_come(found[name], now)
    return Wanted(
        deed=Deed.END_PROMOTION,
        subject=f"promotion:{name}",
        params={"name": name},
        before={"promotion": plain(found[name])},
    )


async def make_promotion(means: Means, approval: Approval, _: int) -> Outcome:
    """Put a promotion in force. Raises PromotionNameTaken, PromotionOver."""
    wanted = read_plain(approval.params["promotion"])
    now = means.clock.now()
    in_file = {one.name for one in means.rules.promotions}
    async with acting(means.database) as connection:
        await lock_promotions(connection)
        done = await version_by(connection, approval.approval_id)
        if done is None:
            if wanted.name in in_file or await last_version(connection, wanted.name):
                raise PromotionNameTaken
            _require_to_come(wanted, now)
            made = replace(wanted, since=max(wanted.since, now))
            await insert_version(connection, made, 1, approval.approval_id, now)
            await note(
                connection,
                actor_behind(approval),
                "MakePromotion",
                f"promotion:{made.name}",
                after=plain(made),
            )
        else:
            made = done.promotion
    return {"effective_at": made.since.isoformat()}


async def end_promotion(means: Means, approval: Approval, _: int) -> Outcome:
    """End a promotion now, or before it began. Raises PromotionUnknown, PromotionOver."""
    name, now = str(approval.params["name"]), means.clock.now()
    async with acting(means.database) as connection:
        await lock_promotions(connection)
        done = await version_by(connection, approval.approval_id)
        if done is None:
            stands = await last_version(connection, name)
            if stands is None:
                raise PromotionUnknown
            _require_to_come(stands.promotion, now)
            ended = replace(stands.promotion, until=now)
            await insert_version(connection, ended, stands.version + 1, approval.approval_id, now)
            await note(
                connection,
                actor_behind(approval),
                "EndPromotion",
                f"promotion:{name}",
                before=plain(stands.promotion),
                after=plain(ended),
            )
        else:
            ended = done.promotion
    return {"ended_at": (ended.until or now).isoformat()}


def plain(promotion: Promotion) -> dict[str, Any]:
    """Return a promotion as requests and the audit trail keep it."""
    return msgspec.to_builtins(promotion)


def read_plain(kept: object) -> Promotion:
    """Return the promotion that `plain` wrote."""
    return msgspec.convert(kept, Promotion)


def _require_to_come(promotion: Promotion, now: datetime) -> None:
    if promotion.until is not None and promotion.until <= now:
        raise PromotionOver
