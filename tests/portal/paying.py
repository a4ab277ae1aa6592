"""A site that takes payments: the sandbox, and a bank that only waits."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, ClassVar

import httpx

from tambah.config import BankEntry, PaymentsEntry
from tambah.domain.payment import ProviderId
from tambah.domain.rules import Rules
from tambah.payments.desk import Front, PaymentDesk
from tambah.payments.provider import (
    Begun,
    Notice,
    Order,
    ProviderRefuses,
    Providers,
    ProviderSilent,
    RefundOrder,
    RefundStage,
    RefundStanding,
    Settled,
    Stage,
    Standing,
)
from tambah.payments.sandbox import Ending, SandboxProvider
from tambah.web.site import Sandbox, Site

from .conftest import TYPED_NUMBER
from .conftest import field as field_of

PUBLIC = "http://testel.example"
BANK = BankEntry(
    account_name="Testel Sdn Bhd",
    account_number="1122334455",
    bank_name="Bank Contoh",
    acquirer_id="890053",
    merchant_id="1234567890",
)


@dataclass
class WaitingBank:
    """A bank as a provider: nothing to open, nothing known until a statement comes."""

    provider_id: ClassVar[ProviderId] = ProviderId.BANK
    methods: Sequence[str] = ("bank",)
    origins: Sequence[str] = ()

    async def begin(self, order: Order) -> Begun:
        """Stand in for Provider.begin."""
        return Begun(provider_ref=order.reference, pay_url=None)

    async def look(self, order: Order) -> Standing:
        """Stand in for Provider.look."""
        return Standing(stage=Stage.OPEN, provider_ref=order.reference)

    async def refund(self, order: Order, refund: RefundOrder) -> RefundStanding:
        """Stand in for Provider.refund."""
        return RefundStanding(stage=RefundStage.PENDING)

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        """Stand in for Provider.read_webhook."""
        return []

    async def settled(self, first: date, last: date) -> AsyncIterator[Settled]:
        """Stand in for Provider.settled."""
        for one in ():
            yield one

    async def close(self) -> None:
        """Stand in for Provider.close."""


@dataclass
class TroubledCard(WaitingBank):
    """A card provider that does not answer, or refuses, as long as it is told to."""

    provider_id: ClassVar[ProviderId] = ProviderId.STRIPE
    methods: Sequence[str] = ("card",)
    origins: Sequence[str] = ("https://checkout.example",)
    trouble: Exception | None = None
    begun: list[str] = field(default_factory=list[str])

    async def begin(self, order: Order) -> Begun:
        """Stand in for Provider.begin."""
        self.begun.append(order.payment_id)
        if self.trouble is not None:
            raise self.trouble
        return Begun(provider_ref="cs_1", pay_url="https://checkout.example/cs_1")


def silent() -> Exception:
    """Return what a provider raises that does not answer."""
    return ProviderSilent()


def refusing() -> Exception:
    """Return what a provider raises that says no."""
    return ProviderRefuses("refused")


@dataclass(frozen=True)
class Shop:
    """A site with its providers at hand."""

    site: Site
    desk: PaymentDesk
    sandbox: SandboxProvider
    card: TroubledCard

    async def end(self, paid: httpx.Response, ending: Ending) -> str:
        """Press a button of the sandbox's page, have it told; return where the payer goes.

        paid: what pressing the check page's button was answered.
        """
        ref = paid.headers["location"].partition("/sandbox/pay/")[2].partition("?")[0]
        address = await self.sandbox.press(ref, ending)
        await self.sandbox.close()
        while await self.desk.work():
            pass
        return address.removeprefix(PUBLIC)


def open_shop(site: Site, rules: Rules | None = None, **payments: Any) -> Shop:
    """Return the site with payments. payments: entries of operator.toml."""
    site = replace(site, rules=rules or site.rules)
    zone = site.rules.validity.zone
    sandbox = SandboxProvider(site.database, site.keys, site.clock, PUBLIC, zone)
    card = TroubledCard()
    providers: dict[ProviderId, Any] = {
        ProviderId.SANDBOX: sandbox,
        ProviderId.BANK: WaitingBank(),
        ProviderId.STRIPE: card,
    }
    desk = PaymentDesk(
        site.engine,
        site.database,
        keys=site.keys,
        clock=site.clock,
        providers=Providers(by_id=providers),
        front=Front(public_url=PUBLIC, brand="Testel", offered=("sandbox", "bank", "card")),
    )
    sandbox.deliver = lambda headers, body: desk.hear(ProviderId.SANDBOX, headers, body)
    operator = replace_struct(site.operator, payments=PaymentsEntry(**payments), bank=BANK)
    demo = Sandbox(api_key="tk_test_x", codes=(), msisdn="60123456789")
    site = replace(site, payments=desk, operator=operator, sandbox=demo)
    return Shop(site, desk, sandbox, card)


def replace_struct(value: Any, **changes: Any) -> Any:
    """Return a msgspec struct with some fields changed."""
    return type(value)(
        **{name: getattr(value, name) for name in value.__struct_fields__} | changes
    )


async def check_form(
    pages: httpx.AsyncClient, amount: str = "30.00", method: str = "sandbox", **more: str
) -> httpx.Response:
    """Open the home page, fill it in and go on to the check page."""
    token = field_of(await pages.get("/"), "token")
    form = {"token": token, "number": TYPED_NUMBER, "amount": amount, "method": method}
    return await pages.post("/topup", data=form | more)


def fields(page: httpx.Response) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
    return {name: html.unescape(value) for name, value in found}


async def press_pay(pages: httpx.AsyncClient, checked: httpx.Response) -> httpx.Response:
    """Press the check page's button."""
    return await pages.post("/topup/pay", data=fields(checked))
