"""A door for a 5G core on a fresh database, and a client that holds all to the specification."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx2
import pytest

from tambah.app import build_nchf
from tambah.config import Brand, ConsumerEntry, NchfEntry, Operator
from tambah.domain.charging_rule import MEGABYTE, ChargingRule
from tambah.domain.commands import TopUp
from tambah.domain.rating import Rate, Service
from tambah.domain.rules import Rules
from tambah.domain.tariff import HOME, TariffBook, TariffRow, build_sheet
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tambah.web.site import Site
from tests.engine.books import add_line, add_partner

from . import spec

ALICE = 60123456789
BOB = 60198765432
BASE = "/nchf-convergedcharging/v3/chargingdata"
TOKEN = "token-of-smf-1"
OTHER_TOKEN = "token-of-smf-2"
MB = MEGABYTE
INTERNET, SOCIAL, UNPRICED = 1, 10, 99
_keys = count(1)

BY_DAY = "Mo-Su 08:00-20:00"
"""When a message abroad costs double, local time."""


def row(service: Service, pattern: str, price: int, *, hours: str = "", **more: Any) -> TariffRow:
    """Return a row of the tariff: `price` for a message or a megabyte."""
    rate = Rate(price_micros=price, per_units=MB if service is Service.DATA else 1)
    values: dict[str, Any] = {
        "service": service,
        "origin": HOME,
        "pattern": pattern,
        "on_net": False,
        "hours": hours,
        "destination_class": "local",
        "name": "",
        "rate": rate,
        **more,
    }
    return TariffRow(**values)


TARIFFS = TariffBook(
    sheets={
        "standard": (
            build_sheet(
                1,
                datetime(2020, 1, 1, tzinfo=UTC),
                (
                    row(Service.DATA, "internet", 100_000, destination_class="data"),
                    row(Service.DATA, "social", 50_000, destination_class="social"),
                    row(
                        Service.DATA,
                        "internet",
                        1_000_000,
                        origin="zone-1",
                        destination_class="data",
                    ),
                    row(Service.SMS, "60", 150_000),
                    row(Service.SMS, "60", 50_000, on_net=True, destination_class="on-net"),
                    row(Service.SMS, "65", 200_000, destination_class="idd-1"),
                    row(Service.SMS, "65", 400_000, hours=BY_DAY, destination_class="idd-1"),
                ),
            ),
        )
    }
)


def make_rules(rules: Rules) -> Rules:
    """Return rules under which things are charged."""
    charging = ChargingRule(
        applications={INTERNET: "internet", SOCIAL: "social"},
        zones={"50299": "home", "525": "zone-1"},
        share_permille=1000,
    )
    return replace(rules, tariffs=TARIFFS, charging=charging)


@pytest.fixture
def rules() -> Rules:
    """Return rules under which things are charged."""
    from tests.conftest import make_rules as usual

    return make_rules(usual())


def make_operator(keys: Keys, **changes: Any) -> Operator:
    """Return an operator with two network functions."""
    consumers = (
        ConsumerEntry(
            name="smf-1",
            token=keys.digest("nchf_token", TOKEN).hex(),
            notify_hosts=("127.0.0.1", "smf.example"),
        ),
        ConsumerEntry(name="smf-2", token=keys.digest("nchf_token", OTHER_TOKEN).hex()),
    )
    entry = NchfEntry(**{"consumers": consumers, **changes})
    return Operator(brand=Brand(name="Testel"), denominations=(), nchf=entry)


@pytest.fixture
def clock() -> Clock:
    """Return the clock that the engine and the site go by."""
    return Clock()


@pytest.fixture
async def engine(
    database: Database, rules: Rules, keys: Keys, clock: Clock
) -> AsyncIterator[Engine]:
    """Run an engine on the fresh database by that clock."""
    engine = Engine(database, rules=rules, keys=keys, clock=clock)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def site(engine: Engine, database: Database, rules: Rules, keys: Keys, clock: Clock) -> Site:
    """Return a site with Alice's line, which has nothing."""
    await add_line(engine, database, ALICE)
    return Site(
        engine=engine,
        database=database,
        rules=rules,
        operator=make_operator(keys),
        keys=keys,
        clock=clock,
        public_url="",
    )


async def credit(site: Site, micros: int, msisdn: int = ALICE) -> None:
    """Top a line up."""
    partner_id = await add_partner(site.database)
    key = f"credit-{next(_keys)}"
    await site.engine.submit(
        TopUp(
            caller="test",
            request_key=key,
            msisdn=msisdn,
            partner_id=partner_id,
            amount_micros=micros,
            reference=key,
        )
    )


@dataclass
class Core:
    """A network function that charges, held against the specification at every word."""

    client: httpx2.AsyncClient
    token: str = TOKEN
    location: str = ""
    sequence: int = 0

    async def post(self, path: str, body: Any, *, valid: bool = True, **headers: str) -> Any:
        """Send anything, and hold request and answer against the specification."""
        if valid:
            spec.require("ChargingDataRequest", body)
        answer = await self.client.post(
            path,
            content=json.dumps(body),
            headers={
                "content-type": "application/json",
                "authorization": f"Bearer {self.token}",
                **headers,
            },
        )
        deed = path.rpartition("/")[2]
        known = "/chargingdata"
        if deed in ("update", "release"):
            known += "/{ChargingDataRef}/" + deed
        document = answer.json() if answer.content else None
        media_type = answer.headers.get("content-type", "")
        spec.require_answer(known, answer.status_code, media_type, document)
        return answer

    async def create(self, *usages: Any, **changes: Any) -> Any:
        """Begin a session; remember where it is."""
        answer = await self.post(BASE, self.request(*usages, **changes))
        if answer.status_code == 201:
            self.location = answer.headers["location"]
        return answer

    async def update(self, *usages: Any, **changes: Any) -> Any:
        """Go on with the session."""
        return await self.post(f"{self._path}/update", self.request(*usages, **changes))

    async def release(self, *usages: Any, **changes: Any) -> Any:
        """End the session."""
        return await self.post(f"{self._path}/release", self.request(*usages, **changes))

    @property
    def _path(self) -> str:
        return self.location[self.location.index("/nchf-") :]

    def request(self, *usages: Any, **changes: Any) -> Any:
        """Return a request of a data session, numbered after the last one."""
        if "invocationSequenceNumber" not in changes:
            self.sequence += 1
        body = {
            "subscriberIdentifier": "imsi-502990000000001",
            "nfConsumerIdentification": {"nodeFunctionality": "SMF"},
            "invocationTimeStamp": "2027-03-01T06:30:00Z",
            "invocationSequenceNumber": self.sequence,
            "notifyUri": "http://127.0.0.1:9/notify",
            "pDUSessionChargingInformation": pdu_session(),
            "multipleUnitUsage": list(usages),
            **changes,
        }
        return {name: value for name, value in body.items() if value is not None}


def pdu_session(msisdn: int = ALICE, serving: str = "50299", **changes: Any) -> Any:
    """Return what is told of a data session."""
    return {
        "chargingId": 7,
        "userInformation": {"servedGPSI": f"msisdn-{msisdn}"},
        "pduSessionInformation": {
            "pduSessionID": 1,
            "dnnId": "internet",
            "hPlmnId": {"mcc": "502", "mnc": "99"},
            "servingCNPlmnId": {"mcc": serving[:3], "mnc": serving[3:]},
        },
        **changes,
    }


def asked(group: int = INTERNET, volume: int | None = None, *used: int) -> Any:
    """Return a rating group that wants more, with containers of what was used."""
    requested = {} if volume is None else {"totalVolume": volume}
    return {**spent(group, *used), "requestedUnit": requested}


def spent(group: int, *used: int) -> Any:
    """Return a rating group with what was used of it, in containers."""
    containers = [
        {"localSequenceNumber": place, "totalVolume": volume} for place, volume in enumerate(used)
    ]
    return {"ratingGroup": group, "usedUnitContainer": containers}


def message(to: str = "6591234567", **changes: Any) -> Any:
    """Return what a request says of a message, sent by Alice."""
    return {
        "nfConsumerIdentification": {"nodeFunctionality": "SMSF"},
        "pDUSessionChargingInformation": None,
        "sMSChargingInformation": {
            "originatorInfo": {"originatorGPSI": f"msisdn-{ALICE}"},
            "recipientInfo": [{"recipientGPSI": f"msisdn-{to}"}],
        },
        "oneTimeEvent": True,
        "oneTimeEventType": "IEC",
        **changes,
    }


def sms(group: int = 3, units: int | None = None) -> Any:
    """Return a rating group of messages."""
    requested = {} if units is None else {"serviceSpecificUnits": units}
    return {"ratingGroup": group, "requestedUnit": requested}


@pytest.fixture
async def core(site: Site) -> AsyncIterator[Core]:
    """Return a network function that speaks to the door in this process."""
    transport = httpx2.ASGITransport(build_nchf(site))
    async with httpx2.AsyncClient(transport=transport, base_url="http://chf.example") as client:
        yield Core(client)


async def free_micros(site: Site, msisdn: int = ALICE) -> int:
    """Return what a line has of credit that nothing holds."""
    return await site.database.fetch_value(
        """
        SELECT coalesce(sum(remaining_micros - held), 0)::bigint
          FROM bucket JOIN line ON owner_id = line_id
         WHERE msisdn = $1 AND kind IN (1, 2)
        """,
        msisdn,
    )


async def held_micros(site: Site, msisdn: int = ALICE) -> int:
    """Return what sessions hold of a line's credit."""
    return await site.database.fetch_value(
        """
        SELECT coalesce(sum(held), 0)::bigint
          FROM bucket JOIN line ON owner_id = line_id
         WHERE msisdn = $1 AND kind IN (1, 2)
        """,
        msisdn,
    )


def until_local(hour: int) -> timedelta:
    """Return how far ahead it is so late in Kuala Lumpur: the next time that the hour begins."""
    now = datetime.now(UTC) + timedelta(hours=8)
    then = now.replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(minutes=1)
    return (then - now) % timedelta(days=1)
