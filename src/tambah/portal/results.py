"""`/topup/result/{token}`: a top-up's lasting, unguessable address."""

import re
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from tambah.domain.numbering import mask_msisdn
from tambah.domain.refusals import PageNotFound
from tambah.store.views.receipts import Receipt, receipt_at
from tambah.web.pages import AnyRequest, Pages

_TOKEN = re.compile(r"[a-z2-7]{26}")


def result_routes(pages: Pages) -> list[Any]:
    """Return the handler of a result page."""

    @get("/topup/result/{token:str}", include_in_schema=False)
    async def show_result(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
        receipt = await _find(pages, token)
        site = pages.site
        last_day = site.rules.validity.last_day
        return pages.draw(
            request,
            "result.html",
            headers={"cache-control": "no-store", "x-robots-tag": "noindex"},
            stored=receipt.language.tag if receipt.language else "",
            receipt=receipt,
            number=mask_msisdn(receipt.msisdn, site.rules.numbers),
            active_until=last_day(receipt.active_until),
            bonus_until=last_day(receipt.bonus_until) if receipt.bonus_until else None,
        )

    return [show_result]


async def _find(pages: Pages, token: str) -> Receipt:
    """Return the receipt at an address. Raises PageNotFound."""
    if not _TOKEN.fullmatch(token):
        raise PageNotFound
    site = pages.site
    receipt = await receipt_at(site.database, page_digest(pages, token))
    if receipt is None:
        raise PageNotFound
    return receipt


def page_digest(pages: Pages, token: str) -> bytes:
    """Return what the books hold of a result's address: a keyed digest, never the address."""
    return pages.site.keys.digest("page", token)
