"""PayPal: Orders v2 with PayPal's own page, captured by us, told by webhooks that PayPal signs."""

from tambah.payments.paypal.api import Credentials
from tambah.payments.paypal.provider import PayPalProvider

__all__ = ["Credentials", "PayPalProvider"]
