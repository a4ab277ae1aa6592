"""A small operator that charges: its tariff, its configuration, its network's elements."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tambah.config import DiameterEntry, DiameterPeerEntry
from tambah.domain.charging_rule import MEGABYTE, ChargingRule
from tambah.domain.rating import Rate, Service
from tambah.domain.rules import Rules
from tambah.domain.tariff import TariffBook, TariffRow, build_sheet
from tests.conftest import make_rules

OCS, REALM = "ocs.tambah.test", "tambah.test"
PGW, CORE = "pgw.core.test", "core.test"
RELAY = "dra.core.test"
TOP_UP_PAGE = "https://top-up.tambah.test/"
MSISDN = 60123456789
RM = 1_000_000
SECOND_MICROS = 10_000
SMS_MICROS = 100_000
MEGABYTE_MICROS = 100_000
ABROAD_MICROS = 1_000_000


def _row(service: Service, pattern: str, rate: Rate, origin: str = "home") -> TariffRow:
    return TariffRow(
        service=service,
        origin=origin,
        pattern=pattern,
        on_net=False,
        hours="",
        destination_class="domestic",
        name="",
        rate=rate,
    )


TARIFFS = TariffBook(
    sheets={
        "standard": (
            build_sheet(
                1,
                datetime(2020, 1, 1, tzinfo=UTC),
                (
                    _row(Service.VOICE, "60", Rate(price_micros=SECOND_MICROS)),
                    _row(Service.SMS, "60", Rate(price_micros=SMS_MICROS)),
                    _row(Service.MMS, "60", Rate(price_micros=SMS_MICROS)),
                    _row(Service.DATA, "", Rate(price_micros=MEGABYTE_MICROS, per_units=MEGABYTE)),
                    _row(
                        Service.DATA,
                        "",
                        Rate(price_micros=ABROAD_MICROS, per_units=MEGABYTE),
                        "zone-1",
                    ),
                ),
            ),
        )
    }
)
"""RM0.01 a second, RM0.10 a message, RM0.10 a megabyte at home and RM1.00 in zone-1."""
CHARGING = ChargingRule(zones={"502": "home", "525": "zone-1"}, share_permille=1000)


def charging_rules() -> Rules:
    """Return rules by which all of the credit may be in one grant."""
    return replace_rules(make_rules())


def replace_rules(rules: Rules) -> Rules:
    """Return the rules with the tariff, and with what a session gets at a time."""
    return replace(rules, tariffs=TARIFFS, charging=CHARGING)


def entry(**changes: object) -> DiameterEntry:
    """Return a configuration: a gateway, and a relay before any other host."""
    values: dict[str, object] = {
        "host": OCS,
        "realm": REALM,
        "listen": "127.0.0.1:0",
        "peers": (
            DiameterPeerEntry(host=PGW, realm=CORE, allow=("127.0.0.0/8",)),
            DiameterPeerEntry(host=RELAY, realm=CORE, allow=("127.0.0.1",), behind=("*",)),
        ),
        **changes,
    }
    return DiameterEntry(**values)  # type: ignore[arg-type]
