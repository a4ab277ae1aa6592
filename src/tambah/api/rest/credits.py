"""POST redemptions and top-ups: a body in, one command, one receipt out."""

import msgspec

from tambah.api.rest import shapes
from tambah.api.rest.dates import last_day
from tambah.api.rest.request import Request, decode, idempotency_key, read_body
from tambah.api.rest.shapes import Credited, RedemptionRequest, TopUpRequest
from tambah.domain import commands
from tambah.domain.gift import Gift, GiftKind
from tambah.domain.money import CURRENCY, parse_ringgit, require_ringgit, ringgit
from tambah.domain.numbering import fold_msisdn
from tambah.domain.refusals import FieldMalformed, PartnerSuspended
from tambah.domain.voucher import fold_code
from tambah.web.site import Site

_top_up_decoder = msgspec.json.Decoder(TopUpRequest)
_redemption_decoder = msgspec.json.Decoder(RedemptionRequest)


async def top_up(site: Site, request: Request) -> Credited:
    """POST /api/v1/lines/{msisdn}/topups: reload a line from the partner's float."""
    request_key = idempotency_key(request.headers)
    asked = decode(_top_up_decoder, await read_body(request.receive))
    require_ringgit(asked.currency)
    amount_micros = parse_ringgit(asked.amount)
    if not asked.reference.isprintable():
        raise FieldMalformed(field="reference")
    caller = request.caller
    return _credited(
        site,
        await site.engine.submit(
            commands.TopUp(
                caller=caller.name,
                request_key=request_key,
                msisdn=fold_msisdn(request.subject, site.rules.numbers),
                partner_id=caller.partner_id,
                amount_micros=amount_micros,
                reference=asked.reference,
            )
        ),
    )


async def redeem_voucher(site: Site, request: Request) -> Credited:
    """POST /api/v1/lines/{msisdn}/redemptions: turn a recharge code into credit."""
    request_key = idempotency_key(request.headers)
    asked = decode(_redemption_decoder, await read_body(request.receive))
    caller = request.caller
    if caller.is_suspended:
        raise PartnerSuspended
    return _credited(
        site,
        await site.engine.submit(
            commands.RedeemVoucher(
                caller=caller.name,
                request_key=request_key,
                msisdn=fold_msisdn(request.subject, site.rules.numbers),
                digits=fold_code(asked.code),
                audience=caller.audience,
                source=caller.source,
            )
        ),
    )


def _credited(site: Site, outcome: commands.Credited) -> Credited:
    validity = site.rules.validity
    return Credited(
        msisdn=str(outcome.msisdn),
        topup_no=outcome.topup_no,
        at=outcome.at,
        price=ringgit(outcome.price_micros),
        tax=ringgit(outcome.tax_micros),
        credited=ringgit(outcome.credited_micros),
        bonus=ringgit(outcome.bonus_micros),
        balance=ringgit(outcome.balance_micros),
        bonus_balance=ringgit(outcome.bonus_balance_micros),
        currency=CURRENCY,
        active_until=outcome.active_until,
        active_until_date=last_day(validity, outcome.active_until),
        grace_until=outcome.grace_until,
        grace_until_date=last_day(validity, outcome.grace_until),
        receipt=outcome.receipt,
        reference=outcome.reference or outcome.receipt,
        gifts=[_gift(site, gift) for gift in outcome.gifts],
    )


def _gift(site: Site, gift: Gift) -> shapes.Gift:
    until = gift.expires_at
    return shapes.Gift(
        promotion=gift.promotion,
        kind=gift.kind.name.lower(),  # type: ignore[arg-type]
        amount=ringgit(gift.amount) if gift.kind is GiftKind.BONUS else str(gift.amount),
        expires_at=until,
        expires_date=None if until is None else last_day(site.rules.validity, until),
    )
