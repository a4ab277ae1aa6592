"""What PayPal says, as far as we read it. Every field may be missing; unknown ones are ignored."""

from __future__ import annotations

import re
from decimal import Decimal
from urllib.parse import unquote, urlsplit

import msgspec

from tambah.domain.money import MICROS_PER_RINGGIT, MICROS_PER_SEN, ringgit
from tambah.payments.provider import CURRENCY, ProviderRefuses, ProviderSilent

_VALUE = re.compile(r"-?([0-9]{1,12}(\.[0-9]{0,6})?|\.[0-9]{1,6})", re.ASCII)


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """An amount as PayPal writes it: a decimal string and a currency."""

    currency_code: str = ""
    value: str = ""

    def micros(self) -> int:
        """Return micro-ringgit, signed; 0 for another currency, which the caller passes on.

        Raises ProviderSilent for what is no amount: an answer that cannot be believed.
        """
        if self.currency_code != CURRENCY:
            return 0
        if not _VALUE.fullmatch(self.value):
            raise ProviderSilent("PayPal sent an amount that is none")
        return int(Decimal(self.value) * MICROS_PER_RINGGIT)


def money_of(amount_micros: int) -> dict[str, str]:
    """Return micro-ringgit as PayPal wants them. Raises ProviderRefuses for parts of a sen."""
    if amount_micros <= 0 or amount_micros % MICROS_PER_SEN:
        raise ProviderRefuses("amount_not_payable")
    return {"currency_code": CURRENCY, "value": ringgit(amount_micros)}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go on from here."""

    href: str = ""
    rel: str = ""


class StatusDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Why a capture or refund is where it is."""

    reason: str = ""


class RelatedIds(msgspec.Struct, frozen=True, kw_only=True):
    """Other names around a capture."""

    order_id: str | None = None


class SupplementaryData(msgspec.Struct, frozen=True, kw_only=True):
    """More about a capture."""

    related_ids: RelatedIds = RelatedIds()


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """Money taken, or nearly."""

    id: str = ""
    status: str = ""
    status_details: StatusDetails = StatusDetails()
    amount: Money = Money()
    custom_id: str | None = None
    invoice_id: str | None = None
    supplementary_data: SupplementaryData = SupplementaryData()
    links: tuple[Link, ...] = ()

    @property
    def payment_id(self) -> str | None:
        """Return our name of the payment."""
        return self.custom_id or self.invoice_id

    @property
    def order_id(self) -> str | None:
        """Return the order's id, which is the payment's name at PayPal."""
        return self.supplementary_data.related_ids.order_id or id_in_link(
            self.links, "/checkout/orders/"
        )


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way back. invoice_id: our refund's id, where it was sent from here."""

    id: str = ""
    status: str = ""
    amount: Money = Money()
    custom_id: str | None = None
    invoice_id: str | None = None
    links: tuple[Link, ...] = ()

    @property
    def refund_id(self) -> str | None:
        """Return our name of the refund; None for one made in PayPal's own pages.

        Those carry the payment's invoice id, or none.
        """
        return self.invoice_id if self.invoice_id != self.custom_id else None


class Payments(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order."""

    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()


class PurchaseUnit(msgspec.Struct, frozen=True, kw_only=True):
    """The one thing that an order of ours is for."""

    custom_id: str | None = None
    payments: Payments = Payments()


class CheckoutOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order: PayPal's record of a payment from before it is paid."""

    id: str = ""
    status: str = ""
    update_time: str = ""
    purchase_units: tuple[PurchaseUnit, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def payment_id(self) -> str | None:
        """Return our name of the payment."""
        return next((unit.custom_id for unit in self.purchase_units if unit.custom_id), None)

    @property
    def captures(self) -> list[Capture]:
        """Return every try to take the money."""
        return [one for unit in self.purchase_units for one in unit.payments.captures]

    @property
    def refunds(self) -> list[Refund]:
        """Return what was sent back."""
        return [one for unit in self.purchase_units for one in unit.payments.refunds]

    @property
    def pay_url(self) -> str | None:
        """Return the page for the payer."""
        by_rel = {link.rel: link.href for link in self.links}
        return by_rel.get("payer-action") or by_rel.get("approve")


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a request."""

    issue: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A no, in PayPal's words; `error` is the token endpoint's."""

    name: str = ""
    error: str = ""
    details: tuple[Issue, ...] = ()


def id_in_link(links: tuple[Link, ...], folder: str) -> str | None:
    """Return the id that a link ends with, of the first link into a folder of the API."""
    for link in links:
        path = urlsplit(link.href).path
        if folder in path:
            name = path.split(folder, 1)[1].split("/", 1)[0]
            return unquote(name) or None
    return None
