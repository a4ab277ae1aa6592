"""A line barred at its owner's word (a lost phone), and that bar lifted."""

from __future__ import annotations

import secrets
from typing import Any

import structlog

from tambah.desks.identity import IdentityDesk
from tambah.domain.actor import Actor
from tambah.domain.care_commands import SetOwnBar
from tambah.domain.commands import LineChanged
from tambah.domain.refusals import Refusal
from tambah.engine.identity import Claim, other_number
from tambah.engine.secret_params import seal_params
from tambah.web.site import Site

_log: Any = structlog.get_logger("tambah.desks")


async def bar_claimed(site: Site, identities: IdentityDesk, msisdn: int, claim: Claim) -> None:
    """Bar a number if it is the claimed person's. Says nothing of how it went."""
    try:
        found = await identities.find_quietly(claim, purpose="lost phone")
        for view in found:
            if view.line.msisdn == msisdn:
                await set_bar(site, view.line.line_id, barred=True, how="identity checked")
    except Refusal as refusal:
        _log.info("no line barred", code=refusal.code)
    except Exception:  # noqa: BLE001 - answered already; it must not look any different
        _log.exception("no line barred")


async def set_bar(site: Site, line_id: int, *, barred: bool, how: str) -> LineChanged:
    """Bar a line at its owner's word, or lift that bar; tell the owner's other number of a bar.

    Raises NumberUnknown, BarNotYours, ChangeOnHold.
    """
    to = await other_number(site.database, site.keys, site.rules.numbers, line_id)
    return await site.engine.submit(
        SetOwnBar(
            caller="web",
            request_key=secrets.token_hex(16),
            line_id=line_id,
            barred=barred,
            actor=Actor(who="subscriber", why=f"lost phone, {how}"),
            to=seal_params(site.keys, {"to": str(to)}) if barred and to is not None else None,
        )
    )
