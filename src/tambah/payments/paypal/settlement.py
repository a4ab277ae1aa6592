"""PayPal's Transaction Search, read as settlement records, a local day at a time.

Its description is not among the specifications that the tests go by; what is relied on here is
in docs/how-to/take-paypal-payments.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec
import structlog

from tambah.payments.paypal.api import PayPalApi
from tambah.payments.paypal.shapes import Money
from tambah.payments.provider import CURRENCY, ProviderSilent, Settled, SettledKind

log = structlog.get_logger(__name__)

_PAGE_SIZE = 500
# Event codes: by the code itself, then by its group (the first three characters).
_BY_CODE = {
    "T1106": SettledKind.DISPUTE,  # reversed by PayPal
    "T1107": SettledKind.REFUND,
    "T1108": SettledKind.FEE,
    "T1109": SettledKind.FEE,
    "T1110": SettledKind.DISPUTE,  # held while a dispute is looked into
    "T1111": SettledKind.DISPUTE,
}
_BY_GROUP = {"T00": SettledKind.PAYMENT, "T01": SettledKind.FEE, "T12": SettledKind.DISPUTE}
# S: done; V: done, and reversed by a later record. P (pending) and D (denied) moved no money.
_MOVED = frozenset({"S", "V"})


class _Info(msgspec.Struct, frozen=True, kw_only=True):
    transaction_id: str = ""
    transaction_event_code: str = ""
    transaction_status: str = ""
    transaction_amount: Money = Money()
    fee_amount: Money = Money(currency_code=CURRENCY, value="0.00")
    paypal_reference_id: str | None = None
    paypal_reference_id_type: str | None = None
    custom_field: str | None = None
    invoice_id: str | None = None


class _Detail(msgspec.Struct, frozen=True, kw_only=True):
    transaction_info: _Info = _Info()


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    transaction_details: tuple[_Detail, ...] = ()
    total_pages: int = 1


async def read_settled(
    api: PayPalApi, first: date, last: date, zone: tzinfo
) -> AsyncIterator[Settled]:
    """Yield the records of the local days `first` to `last`. Raises ProviderSilent."""
    day = first
    while day <= last:
        page, pages = 1, 1
        while page <= pages:
            found = await _read_page(api, day, zone, page)
            pages = found.total_pages
            for detail in found.transaction_details:
                if detail.transaction_info.transaction_status in _MOVED:
                    yield _settled(detail.transaction_info, day)
            page += 1
        day += timedelta(days=1)


async def _read_page(api: PayPalApi, day: date, zone: tzinfo, page: int) -> _Page:
    asked = {
        "start_date": _instant(day, zone),
        # Both ends count, and PayPal's instants are whole seconds.
        "end_date": _instant(day + timedelta(days=1), zone, less_seconds=1),
        "fields": "transaction_info",
        "page_size": str(_PAGE_SIZE),
        "page": str(page),
    }
    async with api.patience():
        answer = await api.get("/v1/reporting/transactions", asked)
    if not answer.is_yes:
        # 403: the app was not given Transaction Search; 400: the day is not ready, or too old.
        log.error("paypal shows no transactions", day=day.isoformat(), issue=answer.issue)
        raise ProviderSilent("PayPal does not show its transactions")
    return answer.read(_Page)


def _settled(info: _Info, day: date) -> Settled:
    """Return a record as the port has it: the fee is what it costs us, a fee given back negative.

    PayPal's ids are unique within a kind of event only, so the record's id has both.
    """
    amount, code = info.transaction_amount, info.transaction_event_code
    kind = _BY_CODE.get(code) or _BY_GROUP.get(code[:3], SettledKind.OTHER)
    is_foreign = amount.currency_code != CURRENCY
    if is_foreign or (kind is SettledKind.PAYMENT and amount.micros() < 0):
        kind = SettledKind.OTHER  # ringgit paid out, or no ringgit at all
    is_order = info.paypal_reference_id_type == "ODR"
    return Settled(
        record_id=f"{info.transaction_id}:{code}",
        day=day,
        kind=kind,
        gross_micros=amount.micros(),
        fee_micros=-info.fee_amount.micros(),
        provider_ref=info.paypal_reference_id if is_order else None,
        refund_ref=info.transaction_id if kind is SettledKind.REFUND else None,
        payment_id=info.custom_field or info.invoice_id,
        text=f"{code} {amount.currency_code} {amount.value}" if is_foreign else code,
    )


def _instant(day: date, zone: tzinfo, *, less_seconds: int = 0) -> str:
    """Return when a local day begins, in UTC as PayPal reads it."""
    begins = datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
    return (begins - timedelta(seconds=less_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
