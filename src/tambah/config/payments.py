"""Whether payments can be taken as operator.toml says, by the keys that the environment holds."""

from __future__ import annotations

from tambah.config.operator import Operator
from tambah.config.settings import ConfigError, Settings


def check_payments(operator: Operator, settings: Settings, *, demo: bool) -> None:
    """Refuse ways to pay that lack their keys or their account. Raises ConfigError.

    demo: it has no provider that moves money, whatever its methods are.
    """
    methods = set(operator.payments.methods)
    if "bank" in methods and operator.bank is None:
        raise ConfigError("payments.methods has bank: operator.toml needs [bank], your account")
    if not demo:
        _check_keys(methods, settings)


def _check_keys(methods: set[str], settings: Settings) -> None:
    stripe = (settings.stripe_secret_key, settings.stripe_webhook_secret)
    paypal = (
        settings.paypal_client_id,
        settings.paypal_client_secret,
        settings.paypal_webhook_id,
    )
    if methods & {"card", "fpx"} and not all(stripe):
        raise ConfigError(
            "payments.methods has card or fpx: set TAMBAH_STRIPE_SECRET_KEY_FILE and"
            " TAMBAH_STRIPE_WEBHOOK_SECRET_FILE"
        )
    if "paypal" in methods and not all(paypal):
        raise ConfigError(
            "payments.methods has paypal: set TAMBAH_PAYPAL_CLIENT_ID,"
            " TAMBAH_PAYPAL_CLIENT_SECRET_FILE and TAMBAH_PAYPAL_WEBHOOK_ID"
        )
