"""Whether a number can be topped up here, and whose it is: an oracle by nature, on a budget."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from cryptography.exceptions import InvalidTag
from litestar import Response, post

from tambah.domain.line import require_can_top_up
from tambah.domain.numbering import fold_msisdn
from tambah.domain.refusals import Busy, NumberUnknown, Refusal, TooManyLookUps
from tambah.engine.importing.people import open_person
from tambah.portal.forms import without_lead
from tambah.portal.names import mask_name
from tambah.store.database import CONNECTION_LOST
from tambah.store.look_ups import add_look_up, count_look_ups, count_of_source
from tambah.store.views.lines import LineView, line_now, read_line
from tambah.store.views.persons import sealed_person
from tambah.web.errors import retry_header
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest, Pages
from tambah.web.site import Site
from tambah.web.status import status_of
from tambah.web.visitors import Visitors

AN_HOUR = timedelta(hours=1)
ALL_COUNTED_EVERY = timedelta(minutes=1)
_log: Any = structlog.get_logger("tambah.portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A number that can be topped up. name: masked, empty unless the operator shows it."""

    view: LineView
    name: str = ""


class LookUps:
    """Looks numbers up: every look costs its source one of an hourly budget."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._counted_at: datetime | None = None
        self._warned_at: datetime | None = None

    async def ask(self, msisdn: int, source: bytes) -> Found:
        """Return the line of a number that can be topped up now, for one of the source's looks.

        Raises TooManyLookUps, Busy (the database is away) and why the number cannot be topped up.
        """
        try:
            await self._spend(source)
            return await self.find(msisdn)
        except CONNECTION_LOST as lost:
            raise Busy from lost  # nothing was to be written: `unavailable` would leave that open

    async def require_left(self, source: bytes) -> None:
        """Refuse a source whose budget is spent: a recharge code tells of its number as well.

        Raises TooManyLookUps, Busy.
        """
        site, since = self._site, self._site.clock.now() - AN_HOUR
        try:
            count = await count_of_source(site.database, source, since)
        except CONNECTION_LOST as lost:
            raise Busy from lost
        if count >= site.operator.payments.look_ups_hourly:
            raise TooManyLookUps

    async def told(self, source: bytes) -> None:
        """Take one look of the budget of a source that was told about a number."""
        with suppress(TooManyLookUps, *CONNECTION_LOST):
            await self._spend(source)

    async def find(self, msisdn: int) -> Found:
        """Return the line of a number that can be topped up now. Raises why it cannot."""
        site = self._site
        account = await read_line(site.database, msisdn)
        if account is None:
            raise NumberUnknown
        view = line_now(account, site.rules, site.clock.now())
        require_can_top_up(view.line, view.at)
        return Found(view=view, name=await self._masked_name(view.line.line_id))

    async def _spend(self, source: bytes) -> None:
        """Take one look of the source's budget. Raises TooManyLookUps."""
        site, now = self._site, self._site.clock.now()
        most = site.operator.payments.look_ups_hourly
        if not await add_look_up(site.database, source, at=now, since=now - AN_HOUR, most=most):
            raise TooManyLookUps
        await self._watch_all(now)

    async def _watch_all(self, now: datetime) -> None:
        """Raise an alarm when everybody together passes the limit: once an hour, each process."""
        if not _is_past(self._counted_at, ALL_COUNTED_EVERY, now):
            return
        self._counted_at = now
        most = self._site.operator.payments.all_look_ups_hourly
        count = await count_look_ups(self._site.database, now - AN_HOUR, most + 1)
        if count > most and _is_past(self._warned_at, AN_HOUR, now):
            self._warned_at = now
            _log.warning("numbers are looked up beyond the limit", most_hourly=most)

    async def _masked_name(self, line_id: int) -> str:
        site = self._site
        if not site.operator.payments.show_masked_name:
            return ""
        sealed = await sealed_person(site.database, line_id)
        if sealed is None:
            return ""
        try:
            return mask_name(open_person(site.keys, line_id, sealed).get("name", ""))
        except InvalidTag:
            _log.error("a person cannot be opened", line_id=line_id)
            return ""


def _is_past(last: datetime | None, pause: timedelta, now: datetime) -> bool:
    return last is None or now - last >= pause


def look_up_routes(pages: Pages, look_ups: LookUps) -> list[Any]:
    """Return the handler that a page asks while a number is typed."""
    visitors = Visitors(pages.site)

    @post("/topup/number", status_code=200, include_in_schema=False)
    async def check_number(request: AnyRequest) -> Response[dict[str, object]]:
        """Answer {"good": …, "text": …}: whether the number can be topped up here, or why not."""
        spoken, zone = pages.speak(request), pages.site.rules.validity.zone
        typed = (await read_form(request)).get("number", "")[:64]
        headers = {"cache-control": "no-store"}
        try:
            msisdn = fold_msisdn(typed, pages.site.rules.numbers)
            found = await look_ups.ask(msisdn, visitors.source(request))
        except Refusal as refusal:
            status = status_of(refusal)
            answer: dict[str, object] = {
                "good": False,
                "text": without_lead(spoken, refusal, zone),
            }
            return Response(
                answer,
                status_code=status if status in (429, 503) else 200,
                headers=headers | retry_header(refusal, pages.site.clock.now()),
            )
        text = spoken.get("portal.home.number_good")
        answer = {"good": True, "text": f"{found.name} · {text}" if found.name else text}
        return Response(answer, headers=headers)

    return [check_number]
