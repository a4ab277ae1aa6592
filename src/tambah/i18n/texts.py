"""One language's texts, and money, dates and times as its readers write them."""

import datetime as dt
import re
from collections.abc import Mapping
from functools import cache, reduce
from types import MappingProxyType

from tambah.domain.money import ringgit
from tambah.domain.refusals import Refusal
from tambah.i18n.catalog import Catalog, Forms, read_catalog

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {"en": "English", "ms": "Bahasa Melayu", "zh-Hans": "简体中文", "ta": "தமிழ்"}
)
"""Our languages: BCP 47 tag to own name, in the order that menus show."""

_RINGGIT = re.compile(r"-?[0-9]+\.[0-9]{2,6}", re.ASCII)
_BYTES = (("gb", 2**30), ("mb", 2**20), ("kb", 2**10), ("b", 1))
_SECONDS_PER_MINUTE = 60
_MINUTES_PER_HOUR = 60
_MINUTES_PER_DAY = 1440


@cache
def texts(tag: str) -> "Texts":
    """Return a language's texts, read at first use. Raises KeyError for a tag not in LANGUAGES."""
    if tag not in LANGUAGES:
        raise KeyError(tag)
    return Texts(tag, read_catalog(tag))


class Texts:
    """Everything that is said in one language; `tag` is BCP 47, for `lang=`."""

    __slots__ = ("_catalog", "_periods", "tag")

    def __init__(self, tag: str, catalog: Catalog) -> None:
        self.tag = tag
        self._catalog = catalog
        self._periods: list[tuple[int, str]] | None = None

    def get(self, key: str, /, **params: object) -> str:
        """Return a text with its {placeholders} filled. Raises KeyError for either missing."""
        return self._catalog.forms[key][0].format_map(params)

    def plural(self, key: str, n: int, /, **params: object) -> str:
        """Return the wording of a text that goes with a number, which it may show as {n}."""
        forms = self._catalog.forms[key]
        return forms[self._catalog.form_for(n)].format_map({**params, "n": n})

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin so, in the catalog's order."""
        return [key for key in self._catalog.forms if key.startswith(prefix)]

    def wordings(self, key: str) -> Forms:
        """Return a text as the catalog has it, each of its forms. Raises KeyError."""
        return self._catalog.forms[key]

    def form_for(self, n: int) -> int:
        """Return which of a text's forms goes with a number."""
        return self._catalog.form_for(n)

    def money(self, amount_micros: int) -> str:
        """Write micro-ringgit: RM1,234.50; below a sen only the digits that are there."""
        return money(ringgit(amount_micros))

    def date(self, day: dt.date) -> str:
        """Write a local day with its month's name: 1 Mac 2027, 2027年3月1日."""
        return self._date("date", day)

    def sms_date(self, day: dt.date) -> str:
        """Write a local day as the language's messages do: in digits where room is short."""
        return self._date("sms.date", day)

    def when(self, instant: dt.datetime, zone: dt.tzinfo) -> str:
        """Write an instant as the zone's date and time: 1 Mar 2027, 10:30 pm."""
        local = instant.astimezone(zone)
        return self.get("when", date=self.date(local.date()), time=self.time(local.time()))

    def time(self, time: dt.time) -> str:
        """Write a time of day: 10:30 pm, 晚上10时30分."""
        return self.get(
            "time" if time.minute else "time.on_the_hour",
            period=self._period(time.hour),
            hour=time.hour % 12 or 12,
            minute=f"{time.minute:02d}",
        )

    def duration(self, minutes: int) -> str:
        """Write how long something lasts in days, hours and minutes, leaving out zeros."""
        days, rest = divmod(minutes, _MINUTES_PER_DAY)
        hours, rest = divmod(rest, _MINUTES_PER_HOUR)
        parts = [
            self.plural(f"duration.{unit}", count)
            for unit, count in (("days", days), ("hours", hours), ("minutes", rest))
            if count
        ]
        if not parts:
            return self.plural("duration.minutes", 0)
        return reduce(lambda a, b: self.get("duration.joined", longer=a, shorter=b), parts)

    def allowance(self, kind: str, amount: int) -> str:
        """Write an allowance: 1.5 GB of data, 60 minutes of calls, 100 SMS; never more than it is.

        kind: `seconds`, `messages` or `bytes`, of which `amount` is.
        """
        if kind == "bytes":
            unit, size = next((u for u in _BYTES if amount >= u[1]), _BYTES[-1])
            hundredths = amount * 100 // size if unit == "gb" else amount // size * 100
            number = f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".")
            return self.get(f"promotions.bytes.{unit}", amount=number)
        if kind == "seconds" and amount >= _SECONDS_PER_MINUTE:
            return self.plural("promotions.minutes", amount // _SECONDS_PER_MINUTE)
        return self.plural(f"promotions.{kind}", amount)

    def refusal(self, refusal: Refusal, zone: dt.tzinfo) -> str:
        """Return the sentences about a refusal: what happened to money, and what to do."""
        return self.get(
            f"refusal.{refusal.code}",
            **{name: self._word(refusal, name, zone) for name in refusal.params},
        )

    def _word(self, refusal: Refusal, name: str, zone: dt.tzinfo) -> str | int:
        """Write a refusal's param as people read it; a state has a word of its own."""
        value = refusal.params[name]
        if isinstance(value, dt.datetime):
            return self.when(value, zone)
        if name == "state":
            return self.get(f"{refusal.code.removesuffix('_wrong')}.{value}")
        # A rate is written like an amount, but in percent.
        if name != "rate" and isinstance(value, str) and _RINGGIT.fullmatch(value):
            return money(value)
        return value

    def _date(self, key: str, day: dt.date) -> str:
        month = self.get(f"month.{day.month}")
        return self.get(key, day=day.day, month=month, month_number=day.month, year=day.year)

    def _period(self, hour: int) -> str:
        """Return the word for the part of the day that an hour (0 to 23) lies in."""
        if self._periods is None:
            self._periods = _read_periods(self.get("time.periods"))
        return [name for start, name in self._periods if start <= hour][-1]


def money(decimal: str) -> str:
    """Write a decimal string of ringgit as people do: RM, and a comma at the thousands."""
    sign = "-" if decimal.startswith("-") else ""
    whole, _, fraction = decimal.removeprefix("-").partition(".")
    return f"{sign}RM{int(whole):,}.{fraction}"


def _read_periods(text: str) -> list[tuple[int, str]]:
    """Read `0 am; 12 pm`: from which hour on which word is said, ascending from 0."""
    pairs = (entry.strip().partition(" ") for entry in text.split(";"))
    return [(int(start), name) for start, _, name in pairs]
