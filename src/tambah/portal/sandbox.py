"""`/sandbox/…`: a demo's codes to try and its SMS inbox. Nothing of it exists elsewhere."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Response, get

from tambah.domain.numbering import mask_msisdn, show_msisdn
from tambah.domain.voucher import fold_code, group_code
from tambah.engine.importing.people import open_person
from tambah.store.views.messages import count_messages, latest_messages
from tambah.store.views.sandbox import latest_sms
from tambah.store.views.tryable import TryableLine, live_prices, tryable_lines, unsold_cards
from tambah.web.pages import AnyRequest, Pages, keep_language

MOST_OF_A_PRICE = 4
MOST_CARDS = 6
MOST_MESSAGES = 50
MOST_OF_A_STATE = 25
REFRESH_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCode:
    """A live code as a card shows it, in fours, and what it is worth (micro-ringgit)."""

    code: str
    price_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLine:
    """A made-up number as the page of codes shows it; `tag` is its language.

    document, name: of who it is registered to, empty for nobody.
    """

    number: str
    state: str
    tag: str
    document: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSms:
    """A message as the inbox shows it."""

    at: datetime
    number: str
    tag: str
    body: str


def sandbox_routes(pages: Pages) -> list[Any]:
    """Return the handlers of /sandbox; not to be plugged in but for a demo database."""

    @get("/sandbox/codes", include_in_schema=False)
    async def show_codes(request: AnyRequest) -> Response[bytes]:
        lines = await shown_lines(pages)
        active = next((line.number for line in lines if line.state == "active"), "")
        return pages.draw(
            request,
            "codes.html",
            headers={"cache-control": "no-store"},
            codes=await shown_codes(pages),
            lines=lines,
            number=active,
            sellers=shown_sellers(pages),
            cards=await shown_cards(pages),
        )

    @get("/sandbox/sms", include_in_schema=False)
    async def show_sms(request: AnyRequest) -> Response[bytes]:
        plan = pages.site.rules.numbers
        rows = await latest_sms(pages.site.database, MOST_MESSAGES)
        still = keep_language(request, "/sandbox/sms")
        return pages.draw(
            request,
            "sms.html",
            headers={"cache-control": "no-store"},
            messages=[
                ShownSms(
                    at=row.at,
                    number=show_msisdn(row.msisdn, plan),
                    tag=row.language.tag,
                    body=row.body,
                )
                for row in rows
            ],
            refreshes=request.query_params.get("refresh") != "off",
            refresh_seconds=REFRESH_SECONDS,
            still=f"{still}{'&' if '?' in still else '?'}refresh=off",
        )

    @get("/sandbox/messages", include_in_schema=False)
    async def show_messages(request: AnyRequest) -> Response[bytes]:
        site = pages.site
        plan = site.rules.numbers
        return pages.draw(
            request,
            "sandbox_messages.html",
            headers={"cache-control": "no-store"},
            counts=await count_messages(site.database),
            messages=[
                (one, mask_msisdn(one.msisdn, plan))
                for one in await latest_messages(site.database, MOST_OF_A_STATE)
            ],
        )

    return [show_codes, show_sms, show_messages]


async def shown_codes(pages: Pages) -> list[ShownCode]:
    """Return some codes of each price that still work, the cheapest first."""
    site = pages.site
    codes = site.sandbox.codes if site.sandbox else ()
    digests = {
        digest: code for code in codes for digest in site.keys.code_digests(fold_code(code))
    }
    prices = await live_prices(site.database, digests)
    shown: list[ShownCode] = []
    for digest in sorted(prices, key=lambda digest: (prices[digest], digests[digest])):
        price_micros = prices[digest]
        if sum(one.price_micros == price_micros for one in shown) < MOST_OF_A_PRICE:
            code = group_code(_bare(digests[digest]))
            shown.append(ShownCode(code=code, price_micros=price_micros))
    return shown


def shown_sellers(pages: Pages) -> list[tuple[str, str, str]]:
    """Return the demo's shops with the number and PIN that sell in them."""
    sellers = pages.site.sandbox.sellers if pages.site.sandbox else ()
    plan = pages.site.rules.numbers
    return [(shop, show_msisdn(int(number), plan), pin) for shop, number, pin in sellers]


async def shown_cards(pages: Pages) -> list[tuple[str, int, str]]:
    """Return cards that shops may sell: serial number, price, and the code for afterwards."""
    sandbox = pages.site.sandbox
    if sandbox is None or not sandbox.cards:
        return []
    codes = sandbox.cards
    unsold = await unsold_cards(pages.site.database, MOST_CARDS)
    return [
        (serial, price, group_code(_bare(codes[serial])))
        for serial, price in unsold
        if serial in codes
    ]


async def shown_lines(pages: Pages) -> list[ShownLine]:
    """Return made-up numbers to try, of each state and language."""
    return [_shown_line(pages, line) for line in await tryable_lines(pages.site.database)]


def _shown_line(pages: Pages, line: TryableLine) -> ShownLine:
    site = pages.site
    person = open_person(site.keys, line.line_id, line.sealed) if line.sealed else {}
    return ShownLine(
        number=show_msisdn(line.msisdn, site.rules.numbers),
        state=line.state.name.lower(),
        tag=line.language.tag,
        document=person.get("document", ""),
        name=person.get("name", ""),
    )


def _bare(code: str) -> str:
    return "".join(code.split()).replace("-", "")
