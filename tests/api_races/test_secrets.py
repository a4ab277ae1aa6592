"""Codes and keys put where they do not belong: none of them stays anywhere.

What was left behind is looked for when all tests here are done (see conftest).
"""

from __future__ import annotations

from urllib.parse import urlencode

from tambah.domain.voucher import group_code, letter_code
from tests.faults.secrets import find_secrets, readable

from .conftest import Street
from .doors import draw_token, redeem_by_api, redeem_by_web, send_form


async def test_codes_and_keys_in_the_wrong_places_are_kept_nowhere(street: Street) -> None:
    wire = street.wire(source=street.source())
    key = street.demo.api_key
    codes = await street.fresh_codes(8)
    [msisdn] = street.lines_to_spoil(1)
    bearer = {"authorization": f"Bearer {key}"}
    code = codes[0]
    lettered = letter_code(code, lambda characters: characters[-1])
    for path in (
        f"/api/v1/lines/{code}",
        f"/api/v1/vouchers/{code}?key={key}",
        f"/?{urlencode({'code': group_code(code), 'key': key})}",
        f"/topup/result/{code}",
        f"/nowhere/{lettered}",
    ):
        assert (await wire.ask("GET", path, bearer)).status in (200, 400, 404)

    malformed = (
        f'{{"code": "{code}"'.encode(),
        f'{{"code": {code}}}'.encode(),
        f'{{"codes": "{code}"}}'.encode(),
        f'["{code}"]'.encode(),
        f'{{"code": "{code}\\u0000"}}'.encode(),
    )
    path = f"/api/v1/lines/{msisdn}/redemptions"
    for n, body in enumerate(malformed):
        given = {**bearer, "idempotency-key": f"malformed-{n}"}
        assert (await wire.ask("POST", path, given, body)).status in (400, 422)

    # The key as a key's wrong half, the code as request id, idempotency key, number and address.
    named = {"request-id": code, "x-forwarded-for": code, "user-agent": lettered}
    token = await draw_token(wire)
    assert (await send_form(wire, token, code, code, named)).status == 422
    assert (await redeem_by_api(wire, key + "x", msisdn, code, code, **named)).status == 401
    assert (await redeem_by_api(wire, key, msisdn, code, code, **named)).status == 201
    assert (await redeem_by_api(wire, key, msisdn, code, key)).status == 409
    assert (await redeem_by_web(wire, msisdn, group_code(codes[1]), named)).status == 303
    assert (
        await redeem_by_web(wire, msisdn, letter_code(codes[2], lambda c: c[-1]))
    ).status == 303

    texts = readable(street.house, street.houses[1].log)
    assert find_secrets(texts, street.codes, street.api_keys) == []
