"""How online charging promises credit: how much at a time, for how long, and what is what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from tambah.domain.rating import Service
from tambah.domain.tariff import HOME

MEGABYTE = 1_048_576
SESSIONS_KEPT = timedelta(days=7)
"""How long a closed session is known by its name: longer than a network repeats a request."""


def _sizes() -> Mapping[Service, int]:
    return MappingProxyType(
        {Service.VOICE: 300, Service.SMS: 1, Service.MMS: 1, Service.DATA: 50 * MEGABYTE}
    )


def _least() -> Mapping[Service, int]:
    return MappingProxyType(
        {Service.VOICE: 30, Service.SMS: 1, Service.MMS: 1, Service.DATA: MEGABYTE}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingRule:
    """The operator's rules of charging while something is used.

    sizes: most units of one grant. least: below which a grant is not made smaller for the sake of
    other sessions. share_permille: the most of a line's free credit that one grant holds, where
    it can be more than the least. validity_seconds: how long a grant lasts. threshold_permille:
    how much of a grant is left when the network asks again. linger_seconds: how long after a
    grant's end a session that was not heard of again is closed. booking_seconds: how often what a
    session used is booked while it goes on. refund_hours: how long after an event its charge can
    be given back.

    applications: class of application by rating group. zones: roaming zone by the network's
    country code and network code (`502` or `50219`), HOME for our own.
    """

    sizes: Mapping[Service, int] = field(default_factory=_sizes)
    least: Mapping[Service, int] = field(default_factory=_least)
    share_permille: int = 500
    validity_seconds: int = 3600
    threshold_permille: int = 200
    linger_seconds: int = 900
    booking_seconds: int = 3600
    refund_hours: int = 24
    applications: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    zones: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def zone_of(self, network: str) -> str:
        """Return the zone of a network (country code and network code); HOME for none given.

        A network without an entry of its own is in its country's zone; one without either is in
        the zone `elsewhere`, for which a sheet may have rates or not.
        """
        if not network:
            return HOME
        return self.zones.get(network) or self.zones.get(network[:3]) or ELSEWHERE


ELSEWHERE = "elsewhere"
