"""From a row's fields to a rate of a sheet, or to what is wrong with the row."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from types import MappingProxyType

from tambah.domain.money import MICROS_PER_RINGGIT
from tambah.domain.opening_hours import HoursMalformed
from tambah.domain.rating import Rate, Rounding, Service
from tambah.domain.tariff import EXACT, HOME, RECEIVED, TariffRow, read_band
from tambah.engine.importing.bad_rows import BadRow
from tambah.engine.importing.reading import Header

HEADER = Header(
    columns=(
        "service",
        "origin",
        "destination",
        "on_net",
        "hours",
        "connection",
        "price",
        "per",
        "first",
        "next",
        "rounding",
        "round_to",
        "class",
        "name",
    ),
    needed=("service", "destination", "price"),
    also_called={"prefix": "destination"},
)
EVERYTHING = "*"
"""What a sheet writes for every destination, or application, that no other row is for."""

_SERVICES: Mapping[str, Service] = MappingProxyType({s.name.lower(): s for s in Service})
_ROUNDINGS: Mapping[str, Rounding] = MappingProxyType({r.name.lower(): r for r in Rounding})
_FLAGS = {
    **dict.fromkeys(("yes", "y", "true", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0", ""), False),
}
_BYTES = {"": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_PER = {Service.VOICE: 60, Service.SMS: 1, Service.MMS: 1, Service.DATA: 1 << 20}
_MONEY = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?", re.ASCII)
_UNITS = re.compile(r"([0-9]{1,12}) ?(|KB|MB|GB)", re.ASCII)
_PREFIX = re.compile(r"\+?([0-9]{1,15})", re.ASCII)
_WHOLE = re.compile(r"=\+?([0-9]{2,15})", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9-]{0,29}", re.ASCII)
_MOST_NAME = 80
_HINTS = {
    "service": "Write voice, sms, mms or data.",
    "origin": "Write home, or a zone that operator.toml lists under [tariffs.zones].",
    "destination": (
        "Write a prefix like 8675, a whole number like =999, received for calls received"
        " abroad, an application for data, or * for everything else."
    ),
    "on_net": "Write yes or no; of data it is always no.",
    "hours": "Write them like Mo-Fr 08:00-18:00; Sa,Su 10:00-02:00, or nothing for all times.",
    "connection": "Write ringgit like 0.15, with six decimal places at most.",
    "price": "Write ringgit like 0.15, with six decimal places at most.",
    "per": "Write seconds, messages or bytes (also 1 MB), one or more.",
    "first": "Write seconds, messages or bytes (also 1 MB), one or more.",
    "next": "Write seconds, messages or bytes (also 1 MB), one or more.",
    "rounding": "Write up, nearest or down.",
    "round_to": "Write ringgit like 0.01, more than nothing.",
    "class": "Write up to 30 small letters, digits and dashes, like idd-1.",
    "name": "Write up to 80 characters that can be printed.",
}


class RateReader:
    """Reads rows of one file. columns, titles: as `reading.Table` has them. zones: of roaming."""

    def __init__(
        self, columns: tuple[str, ...], titles: tuple[str, ...], zones: Collection[str]
    ) -> None:
        self._columns = columns
        self._titles = dict(zip(columns, titles, strict=True))
        self._origins = {HOME, *zones}
        self._rates: dict[tuple[str, ...], Rate] = {}
        self._hours: dict[str, str] = {"": ""}

    def read(self, fields: list[str]) -> TariffRow:
        """Read a row's fields (as many as there are columns). Raises BadRow."""
        row = {name: field.strip() for name, field in zip(self._columns, fields, strict=True)}
        service = _SERVICES.get(self._needed(row, "service").lower())
        if service is None:
            raise self.malformed("service")
        on_net = _FLAGS.get(row.get("on_net", "").lower())
        if on_net is None or (on_net and service is Service.DATA):
            raise self.malformed("on_net")
        origin = row.get("origin", "") or HOME
        if origin not in self._origins:
            raise self.malformed("origin")
        pattern = self._pattern(row, service)
        return TariffRow(
            service=service,
            origin=origin,
            pattern=pattern,
            on_net=on_net,
            hours=self._band(row),
            destination_class=self._class(row, service, pattern, on_net=on_net),
            name=self._name(row),
            rate=self._rate(row, service),
        )

    def malformed(self, column: str) -> BadRow:
        """Return what is wrong with a row whose field in that column cannot be read."""
        title = self._titles.get(column, column)
        return BadRow(title, "field_malformed", f"{title} cannot be read. {_HINTS[column]}")

    def _needed(self, row: dict[str, str], column: str) -> str:
        text = row[column]
        if not text:
            title = self._titles[column]
            raise BadRow(title, "field_missing", f"{title} is empty. {_HINTS[column]}")
        return text

    def _pattern(self, row: dict[str, str], service: Service) -> str:
        text = self._needed(row, "destination")
        if text == EVERYTHING:
            return ""
        if service is Service.DATA:
            if not _WORD.fullmatch(text):
                raise self.malformed("destination")
            return EXACT + text
        if text == RECEIVED and service is Service.VOICE:
            return EXACT + RECEIVED
        prefix, whole = _PREFIX.fullmatch(text), _WHOLE.fullmatch(text)
        if prefix is not None:
            return prefix[1]
        if whole is None:
            raise self.malformed("destination")
        return EXACT + whole[1]

    def _band(self, row: dict[str, str]) -> str:
        text = row.get("hours", "")
        if text not in self._hours:
            try:
                self._hours[text] = text if not all(read_band(text).minutes) else ""
            except HoursMalformed:
                raise self.malformed("hours") from None
        return self._hours[text]

    def _class(self, row: dict[str, str], service: Service, pattern: str, *, on_net: bool) -> str:
        text = row.get("class", "")
        if text:
            if not _WORD.fullmatch(text):
                raise self.malformed("class")
            return text
        if on_net:
            return "on-net"
        if service is Service.DATA:
            return pattern.removeprefix(EXACT) or "data"
        title = self._titles.get("class", "class")
        raise BadRow(title, "field_missing", f"{title} is empty. {_HINTS['class']}")

    def _name(self, row: dict[str, str]) -> str:
        text = row.get("name", "")
        if text.isascii() and text.isprintable() and len(text) <= _MOST_NAME:
            return text
        if len(text) > _MOST_NAME or any(unicodedata.category(c)[0] == "C" for c in text):
            raise self.malformed("name")
        return unicodedata.normalize("NFC", text)

    def _rate(self, row: dict[str, str], service: Service) -> Rate:
        told = ("connection", "price", "per", "first", "next", "rounding", "round_to")
        key = (service.name, *(row.get(column, "") for column in told))
        found = self._rates.get(key)
        if found is None:
            found = self._rates[key] = self._read_rate(row, service)
        return found

    def _read_rate(self, row: dict[str, str], service: Service) -> Rate:
        self._needed(row, "price")
        rounding = _ROUNDINGS.get(row.get("rounding", "").lower() or "up")
        if rounding is None:
            raise self.malformed("rounding")
        round_to = self._money(row, "round_to") if row.get("round_to") else 1
        if round_to == 0:
            raise self.malformed("round_to")
        return Rate(
            connection_micros=self._money(row, "connection") if row.get("connection") else 0,
            price_micros=self._money(row, "price"),
            per_units=self._units(row, "per", service, _PER[service]),
            first_units=self._units(row, "first", service, 1),
            next_units=self._units(row, "next", service, 1),
            rounding=rounding,
            round_to_micros=round_to,
        )

    def _money(self, row: dict[str, str], column: str) -> int:
        found = _MONEY.fullmatch(row[column])
        if found is None:
            raise self.malformed(column)
        return int(found[1]) * MICROS_PER_RINGGIT + int((found[2] or "").ljust(6, "0"))

    def _units(self, row: dict[str, str], column: str, service: Service, default: int) -> int:
        text = row.get(column, "")
        if not text:
            return default
        found = _UNITS.fullmatch(text)
        if found is None or (found[2] and service is not Service.DATA) or int(found[1]) == 0:
            raise self.malformed(column)
        return int(found[1]) * _BYTES[found[2]]
