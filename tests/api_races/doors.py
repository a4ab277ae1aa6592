"""The two doors for a code, as a program and as a browser use them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tambah.domain.voucher import check_digit
from tests.faults.wire import Answer, Wire

_TOKEN = re.compile(rb'name="token" value="([^"]+)"')


def wrong_code(number: int) -> str:
    """Return a well-formed code that was never made (codes are drawn at random from 10^15)."""
    digits = f"{number:015d}"
    return digits + check_digit(digits)


async def redeem_by_api(
    wire: Wire, api_key: str, msisdn: str, code: str, key: str, **headers: str
) -> Answer:
    """Redeem as a partner's program does."""
    given = {"authorization": f"Bearer {api_key}", "idempotency-key": key, **headers}
    return await wire.post_json(f"/api/v1/lines/{msisdn}/redemptions", given, {"code": code})


async def top_up(wire: Wire, api_key: str, msisdn: str, reference: str) -> Answer:
    """Top up RM1 under a key that is the reference."""
    given = {"authorization": f"Bearer {api_key}", "idempotency-key": reference}
    content = {"amount": "1.00", "currency": "MYR", "reference": reference}
    return await wire.post_json(f"/api/v1/lines/{msisdn}/topups", given, content)


async def draw_token(wire: Wire) -> str:
    """Open the home page; return the token that its form carries."""
    page = await wire.ask("GET", "/")
    assert page.status == 200
    found = _TOKEN.search(page.body)
    assert found is not None, "the form has no token"
    return found[1].decode()


async def send_form(
    wire: Wire,
    token: str,
    msisdn: str,
    code: str,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send the home page's form."""
    return await wire.post_form(
        "/topup", {"token": token, "number": f"+{msisdn}", "code": code}, headers
    )


async def redeem_by_web(
    wire: Wire, msisdn: str, code: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """Redeem as a browser does: open the page, send its form."""
    return await send_form(wire, await draw_token(wire), msisdn, code, headers)
