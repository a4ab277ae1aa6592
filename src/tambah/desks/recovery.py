"""A forgotten number: a code to whom a claim matches, and the numbers to who gives it back."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import msgspec
import structlog

from tambah.desks.identity import IdentityDesk
from tambah.domain.care_commands import AskRecovery, TryRecovery
from tambah.domain.refusals import NumberUnknown, Refusal, SignInCodeWrong
from tambah.engine.identity import Claim, lines_of, other_number
from tambah.engine.secret_params import seal_params
from tambah.store.views.lines import LineView, line_now, read_line_of
from tambah.web.forms import fold_digits
from tambah.web.site import Site

WRONG_ANSWER_SECONDS = 0.35
"""After which a wrong code is answered, whether there was anything to compare it with."""

_log: Any = structlog.get_logger("tambah.desks")


class Recovering(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, sealed, between the answers and the code: by a browser, or with a call."""

    claim: Claim
    challenge: str


class RecoveryDesk:
    """Sends codes to whom a claim matches, and takes them."""

    def __init__(self, site: Site, identities: IdentityDesk) -> None:
        self._site = site
        self._identities = identities

    async def send(self, asked: Recovering) -> None:
        """Have a code sent, if the claim matches somebody. Says nothing of how it went."""
        site, code = self._site, f"{secrets.randbelow(10**6):06d}"
        try:
            found = await self._identities.find_quietly(asked.claim, purpose="forgotten number")
            if not found:
                return
            first = found[0].line
            to = await other_number(site.database, site.keys, site.rules.numbers, first.line_id)
            params = {"code": code} if to is None else {"code": code, "to": str(to)}
            await site.engine.submit(
                AskRecovery(
                    line_id=first.line_id,
                    challenge=self._challenge(asked),
                    digest=self._digest(asked, code),
                    sealed=seal_params(site.keys, params),
                )
            )
        except Refusal as refusal:
            _log.info("no recovery code sent", code=refusal.code)
        except Exception:  # noqa: BLE001 - answered already; it must not look any different
            _log.exception("no recovery code sent")

    async def prove(self, asked: Recovering, typed: str) -> list[LineView]:
        """Return the lines of whom the code was sent to. Raises SignInCodeWrong for all else."""
        loop = asyncio.get_running_loop()
        answer_at = loop.time() + WRONG_ANSWER_SECONDS
        site = self._site
        code = fold_digits(typed)
        try:
            line_ids = await lines_of(site.database, asked.claim)
            found = [view for i in line_ids if (view := await self._view(i)) is not None]
            if not found:
                raise NumberUnknown
            await site.engine.submit(
                TryRecovery(
                    line_id=found[0].line.line_id,
                    challenge=self._challenge(asked),
                    digest=self._digest(asked, code),
                )
            )
        except (SignInCodeWrong, NumberUnknown):
            await asyncio.sleep(max(0.0, answer_at - loop.time()))
            raise SignInCodeWrong from None
        return found

    async def _view(self, line_id: int) -> LineView | None:
        site = self._site
        account = await read_line_of(site.database, line_id)
        view = line_now(account, site.rules, site.clock.now()) if account else None
        return view if view is not None and view.is_somebodys else None

    def _challenge(self, asked: Recovering) -> bytes:
        return self._site.keys.digest("challenge", asked.challenge)

    def _digest(self, asked: Recovering, code: str) -> bytes:
        return self._site.keys.digest("recovery", asked.claim.document, asked.challenge, code)
