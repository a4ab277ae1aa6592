"""GET a line, and the pages of its transfers."""

import base64
import binascii
from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar
from urllib.parse import parse_qsl

from tambah.api.rest import shapes
from tambah.api.rest.dates import last_day
from tambah.api.rest.request import Request
from tambah.domain.balance import Bucket, BucketKind
from tambah.domain.ledger import OWN_ACCOUNT, Transfer, allowance_of
from tambah.domain.money import CURRENCY, ringgit
from tambah.domain.numbering import fold_msisdn
from tambah.domain.refusals import FieldMalformed, NumberUnknown
from tambah.domain.validity import ValidityRule
from tambah.store.views.lines import LineView, find_line_id, line_now, read_line
from tambah.store.views.transfers import read_transfers
from tambah.web.site import Site

_Place = TypeVar("_Place")

USUAL_LIMIT = 50
MOST_LIMIT = 500
_CURSOR_BYTES = 6  # eight characters of base64, without padding
_MOST_SEQ = 2**31 - 1


async def show_line(site: Site, request: Request) -> shapes.Line:
    """GET /api/v1/lines/{msisdn}: what is true of the line now; nothing is written."""
    account = await read_line(site.database, fold_msisdn(request.subject, site.rules.numbers))
    if account is None:
        raise NumberUnknown
    view = line_now(account, site.rules, site.clock.now())
    line, validity = view.line, site.rules.validity
    return shapes.Line(
        msisdn=str(line.msisdn),
        state=view.state.name.lower(),  # type: ignore[arg-type]
        barred=line.barred,
        suspended=line.suspended,
        language=line.language.tag,  # type: ignore[arg-type]
        plan=line.plan,
        active_until=line.active_until,
        active_until_date=_date(validity, line.active_until),
        grace_until=line.grace_until,
        grace_until_date=_date(validity, line.grace_until),
        balances=_balances(validity, view),
        at=view.at,
    )


async def list_transfers(site: Site, request: Request) -> shapes.TransferPage:
    """GET /api/v1/lines/{msisdn}/transfers: the line's books, newest first."""
    msisdn = fold_msisdn(request.subject, site.rules.numbers)
    limit, before_seq = page_asked(request.scope["query_string"], read_cursor)
    line_id = await find_line_id(site.database, msisdn)
    if line_id is None:
        raise NumberUnknown
    # One more than asked for tells whether anything follows.
    transfers = await read_transfers(
        site.database, line_id, before_seq=before_seq, limit=limit + 1
    )
    page = transfers[:limit]
    more = len(transfers) > limit
    return shapes.TransferPage(
        items=[_transfer(transfer) for transfer in page],
        next=write_cursor(page[-1].seq) if more else None,
    )


def write_cursor(seq: int) -> str:
    """Return the cursor of what comes after (is older than) a transfer; safe in an address."""
    return base64.urlsafe_b64encode(seq.to_bytes(_CURSOR_BYTES)).decode("ascii")


def read_cursor(text: str) -> int:
    """Return the `seq` that a cursor stands for. Raises FieldMalformed."""
    try:
        content = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise FieldMalformed(field="cursor") from None
    seq = int.from_bytes(content)
    if len(content) != _CURSOR_BYTES or not 1 <= seq <= _MOST_SEQ:
        raise FieldMalformed(field="cursor")
    return seq


def page_asked(query: bytes, read: Callable[[str], _Place]) -> tuple[int, _Place | None]:
    """Return how many items a query asks for, and from where on. Raises FieldMalformed."""
    if not query:
        return USUAL_LIMIT, None
    try:
        asked = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise FieldMalformed(field="query") from None
    limit, cursor = asked.get("limit"), asked.get("cursor")
    before = None if cursor is None else read(cursor)
    return USUAL_LIMIT if limit is None else _limit(limit), before


def _limit(text: str) -> int:
    short = text.isascii() and text.isdigit() and len(text) <= 4
    if not short or not 1 <= int(text) <= MOST_LIMIT:
        raise FieldMalformed(field="limit")
    return int(text)


def _date(validity: ValidityRule, until: datetime | None) -> date | None:
    return None if until is None else last_day(validity, until)


def _balances(validity: ValidityRule, view: LineView) -> shapes.Balances:
    return shapes.Balances(
        main=shapes.Money(amount=ringgit(view.main_micros), currency=CURRENCY),
        bonus=shapes.BonusBalance(
            amount=ringgit(view.bonus_micros),
            currency=CURRENCY,
            buckets=[_bonus(validity, bucket) for bucket in view.bonuses],
        ),
        allowances=[_allowance(validity, bucket) for bucket in view.allowances],
    )


def _allowance(validity: ValidityRule, bucket: Bucket) -> shapes.Allowance:
    return shapes.Allowance(
        unit=bucket.kind.name.lower(),  # type: ignore[arg-type]
        amount=bucket.remaining_micros,
        expires_at=bucket.expires_at,
        expires_date=_date(validity, bucket.expires_at),
    )


def _bonus(validity: ValidityRule, bucket: Bucket) -> shapes.Bonus:
    return shapes.Bonus(
        amount=ringgit(bucket.remaining_micros),
        currency=CURRENCY,
        expires_at=bucket.expires_at,
        expires_date=_date(validity, bucket.expires_at),
    )


_OWN = {
    OWN_ACCOUNT[kind]: kind.name.lower() for kind in BucketKind if kind is not BucketKind.FLOAT
}


def _transfer(transfer: Transfer) -> shapes.Transfer:
    into, out_of = _OWN.get(transfer.credit), _OWN.get(transfer.debit)
    allowance = allowance_of(transfer.credit)
    write = str if allowance else ringgit
    return shapes.Transfer(
        seq=transfer.seq,
        at=transfer.at,
        kind=transfer.kind.name.lower(),  # type: ignore[arg-type]
        amount=write(transfer.amount_micros),
        currency=None if allowance else CURRENCY,
        unit=allowance.name.lower() if allowance else None,  # type: ignore[arg-type]
        direction="in" if into else "out" if out_of else None,
        bucket=into or out_of,  # type: ignore[arg-type]
        balance=None if transfer.balance_micros is None else write(transfer.balance_micros),
        reference=transfer.reference,
        topup_no=transfer.topup_no,
        mends_topup_no=transfer.mends_topup_no,
    )
