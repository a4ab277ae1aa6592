"""`/account/history` and `/account/receipts/{n}`: what came, what went, and the proof of it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get
from litestar.params import FromPath

from tambah.desks.history_words import GROUPS, LINE, WORDS, show_entry
from tambah.domain.numbering import show_msisdn
from tambah.domain.payment import show_reference
from tambah.domain.refusals import PageNotFound
from tambah.domain.validity import TICK, ValidityRule
from tambah.portal.account import NO_STORE
from tambah.portal.sessions import Sessions
from tambah.store.views.history import (
    Asked,
    Place,
    Source,
    read_history,
    read_own_receipt,
)
from tambah.web.pages import AnyRequest, Pages, asked_language

PAGE_SIZE = 20
MOST_MONTHS = 36
_CURSOR_BYTES = 13
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_NO = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a reader wants to see. group: one of GROUPS, empty for all; months: first days."""

    group: str = ""
    first: date | None = None
    last: date | None = None

    @classmethod
    def read(cls, request: AnyRequest, months: list[date]) -> Filters:
        """Take them from the address; what is not on offer is left out."""
        asked = request.query_params
        by_name = {month.isoformat()[:7]: month for month in months}
        group = asked.get("group", "")
        return cls(
            group=group if group in GROUPS else "",
            first=by_name.get(asked.get("from", "")),
            last=by_name.get(asked.get("to", "")),
        )

    @property
    def in_address(self) -> dict[str, str]:
        """Return them as the address has them."""
        named = {"group": self.group, "from": _name(self.first), "to": _name(self.last)}
        return {name: value for name, value in named.items() if value}


def history_routes(pages: Pages, sessions: Sessions) -> list[Any]:
    """Return the handlers of the history and of receipts."""

    @get("/account/history", include_in_schema=False)
    async def show_history(request: AnyRequest) -> Response[Any]:
        signed_in = await sessions.require(request)
        view, validity = signed_in.view, pages.site.rules.validity
        months = months_until(validity.local_day(view.at))
        filters = Filters.read(request, months)
        after = read_cursor(request.query_params.get("after", ""))
        asked = _asked(filters, validity, view.at, after)
        found = await read_history(pages.site.database, signed_in.line_id, asked)
        shown = found[:PAGE_SIZE]
        older = write_cursor(shown[-1].place) if len(found) > PAGE_SIZE else ""
        return pages.draw(
            request,
            "account_history.html",
            headers=NO_STORE,
            stored=view.line.language.tag,
            entries=[show_entry(entry) for entry in shown],
            filters=filters,
            groups=GROUPS,
            months=months,
            is_first=after is None,
            older=_address({**filters.in_address, "after": older}) if older else "",
            newest=_address(filters.in_address),
            asked=asked_language(request),
        )

    @get("/account/receipts/{topup_no:int}", include_in_schema=False)
    async def show_receipt(request: AnyRequest, topup_no: FromPath[int]) -> Response[Any]:
        signed_in = await sessions.require(request)
        receipt = None
        if 0 < topup_no <= _MOST_NO:
            receipt = await read_own_receipt(pages.site.database, signed_in.line_id, topup_no)
        if receipt is None:
            raise PageNotFound
        rules, line = pages.site.rules, signed_in.view.line
        last_day = rules.validity.last_day
        return pages.draw(
            request,
            "account_receipt.html",
            headers=NO_STORE,
            stored=line.language.tag,
            receipt=receipt,
            reference=show_reference(receipt.receipt) if receipt.method else receipt.receipt,
            number=show_msisdn(line.msisdn, rules.numbers),
            active_until=last_day(receipt.active_until),
            bonus_until=last_day(receipt.bonus_until) if receipt.bonus_until else None,
        )

    return [show_history, show_receipt]


def months_until(today: date) -> list[date]:
    """Return the first days of the latest months, this one first."""
    months = [today.replace(day=1)]
    while len(months) < MOST_MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months


def write_cursor(place: Place) -> str:
    """Return what stands for a place in an address: an instant and a number, nobody's name."""
    micros = (place.at - _EPOCH) // TICK
    raw = micros.to_bytes(8) + bytes([place.source]) + place.seq.to_bytes(4)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_cursor(text: str) -> Place | None:
    """Return the place that a cursor stands for; None, the newest, for anything else."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if len(raw) != _CURSOR_BYTES:
            return None
        at = _EPOCH + int.from_bytes(raw[:8]) * TICK
        return Place(at, Source(raw[8]), min(int.from_bytes(raw[9:]), _MOST_NO))
    except (binascii.Error, ValueError, OverflowError):
        return None


def _asked(filters: Filters, validity: ValidityRule, at: datetime, after: Place | None) -> Asked:
    """Return what the filters ask of the store: whole local months, nothing after `at`."""
    before = at + TICK
    if filters.last is not None:
        next_month = (filters.last + timedelta(days=31)).replace(day=1)
        before = min(before, validity.start_of(next_month))
    since = validity.start_of(filters.first) if filters.first else _EPOCH
    if after is not None and after.at >= before:
        after = None
    return Asked(
        shown=[key for key, word in WORDS.items() if filters.group in ("", word.group)],
        stages=filters.group in ("", LINE),
        since=since,
        before=before,
        after=after,
        limit=PAGE_SIZE + 1,
    )


def _name(month: date | None) -> str:
    return month.isoformat()[:7] if month else ""


def _address(params: dict[str, str]) -> str:
    return f"/account/history?{urlencode(params)}" if params else "/account/history"
