"""Stripe Checkout: card and FPX, on Stripe's own page."""

from tambah.payments.stripe.provider import StripeProvider

__all__ = ["StripeProvider"]
