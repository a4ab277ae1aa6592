"""The charging part of operator.toml."""

from tambah.config import ChargingEntry, ConfigError
from tambah.domain.charging_rule import MEGABYTE, ChargingRule
from tambah.domain.rating import Service


def charging_rule(entry: ChargingEntry) -> ChargingRule:
    """Return how credit is promised while it is used. Raises ConfigError."""
    numbers = (
        entry.call_seconds,
        entry.messages,
        entry.data_megabytes,
        entry.least_call_seconds,
        entry.least_data_megabytes,
        entry.validity_minutes,
        entry.linger_minutes,
        entry.booking_minutes,
        entry.refund_hours,
    )
    if min(numbers) < 1:
        raise ConfigError("charging: numbers are one or more")
    if not (1 <= entry.share_percent <= 100 and 0 <= entry.threshold_percent < 100):
        raise ConfigError(
            "charging.share_percent, threshold_percent: from 1 to 100, and from 0 to 99"
        )
    if not all(group.isdecimal() for group in entry.applications):
        raise ConfigError("charging.applications: rating groups are numbers")
    if not all(code.isdecimal() and len(code) in (3, 5, 6) for code in entry.zones):
        raise ConfigError("charging.zones: country codes or network codes, as `502` or `50219`")
    return ChargingRule(
        sizes={
            Service.VOICE: entry.call_seconds,
            Service.SMS: entry.messages,
            Service.MMS: entry.messages,
            Service.DATA: entry.data_megabytes * MEGABYTE,
        },
        least={
            Service.VOICE: entry.least_call_seconds,
            Service.SMS: 1,
            Service.MMS: 1,
            Service.DATA: entry.least_data_megabytes * MEGABYTE,
        },
        share_permille=entry.share_percent * 10,
        validity_seconds=entry.validity_minutes * 60,
        threshold_permille=entry.threshold_percent * 10,
        linger_seconds=entry.linger_minutes * 60,
        booking_seconds=entry.booking_minutes * 60,
        refund_hours=entry.refund_hours,
        applications={int(group): name for group, name in entry.applications.items()},
        zones=dict(entry.zones),
    )
