"""A price looked up in a sheet of 200,000 prefixes, and such a sheet loaded."""

from __future__ import annotations

import random
import resource
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tambah.domain.actor import Actor
from tambah.domain.calling_codes import CALLING_CODES
from tambah.domain.rating import Rate, Service
from tambah.domain.tariff import Sheet, TariffBook, TariffRow, Usage, build_sheet
from tambah.engine.tariffs import TariffRequest, load_tariff, read_book
from tambah.store.database import Database

from .ground import Ground

PREFIXES = 200_000
LOOK_UPS = 200_000
NOW = datetime(2027, 3, 1, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Kuala_Lumpur")


def make_prefixes(count: int = PREFIXES) -> list[str]:
    """Return prefixes of one to eight digits, as wholesale sheets have: many lie in others."""
    chance = random.Random(200_000)
    codes = list(CALLING_CODES)
    found = set(codes)
    while len(found) < count:
        code = chance.choice(codes)
        found.add((code + str(chance.randrange(10 ** chance.randint(1, 5))))[:8])
    return sorted(found)


def make_sheet(prefixes: list[str]) -> Sheet:
    """Return a sheet of them, at 400 different prices."""
    rows = (
        TariffRow(
            service=Service.VOICE,
            origin="home",
            pattern=prefix,
            on_net=False,
            hours="",
            destination_class="idd-1",
            name="",
            rate=Rate(price_micros=10_000 * (place % 400), per_units=60),
        )
        for place, prefix in enumerate(prefixes)
    )
    return build_sheet(1, datetime(2027, 1, 1, tzinfo=UTC), rows)


class LookUps:
    """Numbers to look up, most longer than their prefix, and what is looked up in."""

    def __init__(self) -> None:
        chance = random.Random(1)
        self.prefixes = make_prefixes()
        self.sheet = make_sheet(self.prefixes)
        self.plain = dict.fromkeys(self.prefixes, 1)
        self._numbers = [
            (chance.choice(self.prefixes) + str(chance.randrange(10**8)).zfill(8))[:13]
            for _ in range(LOOK_UPS)
        ]
        self._known = [chance.choice(self.prefixes) for _ in range(LOOK_UPS)]
        self._book = TariffBook(sheets={"standard": (self.sheet,)})

    def longest_prefix(self) -> float:
        """Return microseconds of processor time for the longest prefix of a number."""
        table = self.sheet.table(Service.VOICE)
        began = time.process_time()
        for number in self._numbers:
            table.find(number)
        return (time.process_time() - began) / LOOK_UPS * 1e6

    def quote(self) -> float:
        """Return the same for a whole quote: usage, sheet in force, prefix, until when."""
        began = time.process_time()
        for number in self._numbers:
            usage = Usage(service=Service.VOICE, to=number)
            self._book.quote("standard", usage, NOW, ZONE)
        return (time.process_time() - began) / LOOK_UPS * 1e6

    def dict_get(self) -> float:
        """Return microseconds of processor time for a key that is there, of a dict of as many."""
        known = self.plain
        began = time.process_time()
        for prefix in self._known:
            known.get(prefix)
        return (time.process_time() - began) / LOOK_UPS * 1e6


async def load_large(ground: Ground, folder: Path) -> tuple[float, float, float]:
    """Load a file of 200,000 prefixes; return seconds of that, of reading the book, and MB."""
    path = folder / "rates.csv"
    lines = ["service,destination,price,first,next,class,name"]
    lines += [
        f"voice,{prefix},{place % 400 / 100:.2f},60,30,idd-{place % 5},Destination {place % 900}"
        for place, prefix in enumerate(make_prefixes())
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    database = Database(ground.dsn)
    await database.open(readers=2)
    now = datetime.now(UTC)
    request = TariffRequest(
        path=path, tariff="bench", actor=Actor(who="bench", why="bench"), now=now
    )
    began = time.perf_counter()
    await load_tariff(database, request)
    loaded = time.perf_counter() - began
    began = time.perf_counter()
    await read_book(database, {}, datetime.now(UTC))
    read = time.perf_counter() - began
    await database.close()
    return loaded, read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
