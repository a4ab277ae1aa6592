"""GET a card by the serial number printed on it."""

from tambah.api.rest.request import Request
from tambah.api.rest.shapes import Money, Voucher
from tambah.domain.money import CURRENCY, ringgit
from tambah.domain.numbering import mask_msisdn
from tambah.domain.refusals import VoucherUnknown
from tambah.domain.voucher import parse_serial
from tambah.store.views.vouchers import read_voucher
from tambah.web.site import Site


async def show_voucher(site: Site, request: Request) -> Voucher:
    """GET /api/v1/vouchers/{serial}: what became of a card; never its code, nor who used it."""
    view = await read_voucher(site.database, *parse_serial(request.subject))
    if view is None:
        raise VoucherUnknown
    redeemed_by = view.redeemed_msisdn
    return Voucher(
        serial=view.serial,
        state=view.state_name(site.clock.now()),  # type: ignore[arg-type]
        batch=view.batch_id,
        batch_state=view.batch_state.name.lower(),  # type: ignore[arg-type]
        price=Money(amount=ringgit(view.price_micros), currency=CURRENCY),
        redeem_before=view.redeem_before,
        redeemed_at=view.redeemed_at,
        redeemed_by=None if redeemed_by is None else mask_msisdn(redeemed_by, site.rules.numbers),
    )
