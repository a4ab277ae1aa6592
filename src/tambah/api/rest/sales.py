"""A point of sale: sell a card by its serial number, look at the last sales, undo one."""

from datetime import UTC, datetime, timedelta

import msgspec

from tambah.api.rest import shapes
from tambah.api.rest.paging import page_asked, read_bytes, write_bytes
from tambah.api.rest.request import Request, decode, idempotency_key, read_body
from tambah.domain.dealer import SaleKind
from tambah.domain.dealer_commands import SellCard, UndoSale
from tambah.domain.money import CURRENCY, ringgit
from tambah.domain.refusals import DealerUnknown, FieldMalformed
from tambah.domain.voucher import format_serial, parse_serial
from tambah.store.views.dealers import SaleView, read_dealer, recent_sales
from tambah.web.site import Site

MOST_REFERENCE_CHARACTERS = 64
_CURSOR_BYTES = 12  # sixteen characters of base64, without padding: an instant, a place in books
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_INSTANT = 2**52
_MOST_SEQ = 2**31 - 1

_sale_decoder = msgspec.json.Decoder(shapes.SaleRequest)


async def sell_card(site: Site, request: Request) -> shapes.SoldCard:
    """POST /api/v1/cards/{serial}/sale: the card becomes worth something, a float pays for it."""
    request_key = idempotency_key(request.headers)
    asked = decode(_sale_decoder, await read_body(request.receive))
    for name in ("reference", "terminal"):
        if not getattr(asked, name).isprintable():
            raise FieldMalformed(field=name)
    batch_id, number = parse_serial(request.subject)
    caller = request.caller
    sold = await site.engine.submit(
        SellCard(
            caller=caller.name,
            request_key=request_key,
            partner_id=caller.partner_id,
            batch_id=batch_id,
            number=number,
            reference=asked.reference,
            terminal=asked.terminal,
        )
    )
    return shapes.SoldCard(
        serial=format_serial(sold.batch_id, sold.number),
        at=sold.at,
        price=ringgit(sold.price_micros),
        commission=ringgit(sold.commission_micros),
        float=ringgit(sold.float_micros),
        currency=CURRENCY,
        reference=sold.reference,
    )


async def undo_sale(site: Site, request: Request) -> shapes.UndoneSale:
    """POST /api/v1/sales/{reference}/undo: take a sale back while nothing of it is used."""
    request_key = idempotency_key(request.headers)
    await read_body(request.receive)  # which may be empty, and says nothing
    caller = request.caller
    undone = await site.engine.submit(
        UndoSale(
            caller=caller.name,
            request_key=request_key,
            partner_id=caller.partner_id,
            reference=request.subject,
        )
    )
    batch_id, number = undone.batch_id, undone.number
    return shapes.UndoneSale(
        kind=_KINDS[undone.kind],  # type: ignore[arg-type]
        at=undone.at,
        price=ringgit(undone.price_micros),
        float=ringgit(undone.float_micros),
        currency=CURRENCY,
        reference=undone.reference,
        serial=None if batch_id is None or number is None else format_serial(batch_id, number),
        msisdn=None if undone.msisdn is None else str(undone.msisdn),
    )


async def list_sales(site: Site, request: Request) -> shapes.SaleList:
    """GET /api/v1/sales: what happened to the caller's sales, the newest first."""
    limit, before = page_asked(request.scope["query_string"], read_cursor)
    partner_id = request.caller.partner_id
    if await read_dealer(site.database, partner_id) is None:
        raise DealerUnknown
    # One more than asked for tells whether anything follows.
    sales = await recent_sales(site.database, [partner_id], limit + 1, before=before)
    page = sales[:limit]
    more = len(sales) > limit
    return shapes.SaleList(
        items=[_sale(sale) for sale in page],
        next=write_cursor(page[-1].at, page[-1].payer_seq) if more else None,
    )


def write_cursor(at: datetime, payer_seq: int) -> str:
    """Return the cursor of what comes after (is older than) a sale."""
    return write_bytes(((at - _EPOCH) // _MICROSECOND).to_bytes(8) + payer_seq.to_bytes(4))


def read_cursor(text: str) -> tuple[datetime, int]:
    """Return the instant and the place that a cursor stands for. Raises FieldMalformed."""
    content = read_bytes(text, _CURSOR_BYTES)
    instant, payer_seq = int.from_bytes(content[:8]), int.from_bytes(content[8:])
    if instant > _MOST_INSTANT or payer_seq > _MOST_SEQ:
        raise FieldMalformed(field="cursor")
    return _EPOCH + instant * _MICROSECOND, payer_seq


_KINDS = {SaleKind.CARD: "card", SaleKind.RELOAD: "reload"}


def _sale(sale: SaleView) -> shapes.Sale:
    state = "undone" if sale.undone_at else "used" if sale.is_used else "sold"
    return shapes.Sale(
        kind=_KINDS[sale.kind],  # type: ignore[arg-type]
        state=state,  # type: ignore[arg-type]
        at=sale.at,
        undone_at=sale.undone_at,
        price=ringgit(sale.price_micros),
        commission=ringgit(sale.commission_micros),
        currency=CURRENCY,
        reference=sale.reference,
        terminal=sale.terminal,
        serial=sale.serial,
        msisdn=None if sale.msisdn is None else str(sale.msisdn),
        receipt=sale.receipt,
    )
