"""Nchf_ConvergedCharging (3GPP TS 32.291, Release 16): how a 5G core charges."""

from tambah.charging.nchf.app import Nchf
from tambah.charging.nchf.consumers import TOKEN_PURPOSE, Consumer, Consumers
from tambah.charging.nchf.notifying import Notifier, renew_for_ever

__all__ = [
    "TOKEN_PURPOSE",
    "Consumer",
    "Consumers",
    "Nchf",
    "Notifier",
    "renew_for_ever",
]
