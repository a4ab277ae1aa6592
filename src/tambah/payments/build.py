"""Which providers an installation has, by its settings and operator.toml."""

from __future__ import annotations

from dataclasses import dataclass

from tambah.config import ConfigError, Operator, Settings, check_payments
from tambah.domain.payment import ProviderId
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.payments.bank import BankDesk, BankProvider
from tambah.payments.desk import Front, PaymentDesk
from tambah.payments.paypal import Credentials, PayPalProvider
from tambah.payments.provider import Provider, Providers
from tambah.payments.sandbox import SandboxProvider
from tambah.payments.stripe import StripeProvider
from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the desk stands on. public_url: where payers and providers find us."""

    settings: Settings
    operator: Operator
    rules: Rules
    engine: Engine
    database: Database
    keys: Keys
    clock: Clock
    public_url: str
    is_demo: bool


def build_desk(ground: Ground) -> PaymentDesk | None:
    """Return the desk, None when nobody takes money here. Raises ConfigError.

    A demo has the sandbox and the bank, never a provider that moves money.
    """
    check_payments(ground.operator, ground.settings, demo=ground.is_demo)
    gateways = _sandbox(ground) if ground.is_demo else {**_stripe(ground), **_paypal(ground)}
    providers = {**gateways, **_bank(ground)}
    if not providers:
        return None
    if not ground.public_url:
        raise ConfigError("set TAMBAH_PUBLIC_URL: payers come back to it from the payment page")
    methods = ground.operator.payments.methods
    desk = PaymentDesk(
        ground.engine,
        ground.database,
        keys=ground.keys,
        clock=ground.clock,
        providers=Providers(by_id=providers),
        front=Front(
            public_url=ground.public_url.rstrip("/"),
            brand=ground.operator.brand.name,
            offered=("sandbox", *methods) if ground.is_demo else methods,
        ),
    )
    sandbox = providers.get(ProviderId.SANDBOX)
    if isinstance(sandbox, SandboxProvider):
        sandbox.deliver = lambda headers, body: desk.hear(ProviderId.SANDBOX, headers, body)
    return desk


def _sandbox(ground: Ground) -> dict[ProviderId, Provider]:
    sandbox = SandboxProvider(
        ground.database, ground.keys, ground.clock, ground.public_url, ground.rules.validity.zone
    )
    return {ProviderId.SANDBOX: sandbox}


def build_bank_desk(ground: Ground) -> BankDesk | None:
    """Return what reads bank statements, None when no bank transfers are taken."""
    bank = ground.operator.bank
    if bank is None:
        return None
    return BankDesk(
        ground.database,
        ground.engine.submit,
        zone=ground.rules.validity.zone,
        account_number=bank.account_number,
    )


def _bank(ground: Ground) -> dict[ProviderId, Provider]:
    if "bank" not in ground.operator.payments.methods:
        return {}
    # The payment itself waits for the days that a transfer takes.
    bank = BankProvider(ground.database, ground.clock, bank_days=0)
    return {ProviderId.BANK: bank}


def _stripe(ground: Ground) -> dict[ProviderId, Provider]:
    settings = ground.settings
    methods = [m for m in ground.operator.payments.methods if m in ("card", "fpx")]
    if not methods:
        return {}
    stripe = StripeProvider(
        secret_key=settings.stripe_secret_key,
        webhook_secrets=settings.stripe_webhook_secret,
        methods=methods,
        zone=ground.rules.validity.zone,
        api_url=settings.stripe_api_url,
    )
    return {ProviderId.STRIPE: stripe}


def _paypal(ground: Ground) -> dict[ProviderId, Provider]:
    settings = ground.settings
    if "paypal" not in ground.operator.payments.methods:
        return {}
    paypal = PayPalProvider(
        Credentials(
            client_id=settings.paypal_client_id, client_secret=settings.paypal_client_secret
        ),
        webhook_id=settings.paypal_webhook_id,
        zone=ground.rules.validity.zone,
        base_url=settings.paypal_api_url,
    )
    return {ProviderId.PAYPAL: paypal}
