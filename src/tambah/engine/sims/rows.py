"""From a row's fields to a SIM of the stock, or to what is wrong with the row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tambah.domain.esim import ActivationCode, parse_activation_code
from tambah.domain.numbering import fold_iccid, fold_imsi
from tambah.domain.refusals import Refusal
from tambah.domain.sim import Sim, SimKind
from tambah.engine.importing.bad_rows import BadRow, malformed, missing
from tambah.engine.keys import Keys
from tambah.engine.sims.sealing import seal_code

COLUMNS = ("iccid", "imsi", "kind", "activation_code")
_KINDS = {"physical": SimKind.PHYSICAL, "esim": SimKind.ESIM}
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimRowRules:
    """What rows are read by. now: the import's instant (UTC). Prefixes: none for any."""

    keys: Keys
    now: datetime
    iccid_prefixes: tuple[str, ...] = ()
    imsi_prefixes: tuple[str, ...] = ()


class SimRowReader:
    """Reads rows of one file. columns, titles: as `reading.Table` has them."""

    def __init__(
        self, columns: tuple[str, ...], titles: tuple[str, ...], row_rules: SimRowRules
    ) -> None:
        self._rules = row_rules
        self._place = {column: place for place, column in enumerate(columns)}
        self._titles = titles

    def read(self, fields: list[str]) -> Sim:
        """Read a row's fields. Raises BadRow, which repeats nothing of them."""
        iccid = self._read_iccid(self._field(fields, "iccid"))
        imsi = self._read_imsi(self._field(fields, "imsi"))
        code = self._read_code(self._field(fields, "activation_code"))
        kind = self._read_kind(self._field(fields, "kind"), code)
        keys = self._rules.keys
        said = (imsi or "", f"{kind:d}", code.text if code else "")
        return Sim(
            iccid=iccid,
            imsi=imsi,
            kind=kind,
            smdp_address=code.smdp_address if code else "",
            sealed=seal_code(keys, iccid, code) if code else None,
            digest=keys.digest("sim", iccid, *said),
            imported_at=self._rules.now,
            is_new=True,
        )

    def title(self, column: str) -> str:
        """Return what the file's header calls a column."""
        place = self._place.get(column)
        return column if place is None else self._titles[place]

    def _field(self, fields: list[str], column: str) -> str:
        place = self._place.get(column)
        return "" if place is None else fields[place].strip()

    def _read_iccid(self, text: str) -> str:
        if not text:
            raise missing(self.title("iccid"), "Every row needs the SIM's number.")
        iccid = self._read("iccid", fold_iccid, text)
        self._require_ours("iccid", iccid, self._rules.iccid_prefixes)
        return iccid

    def _read_imsi(self, text: str) -> str | None:
        if not text:
            return None
        imsi = self._read("imsi", fold_imsi, text)
        self._require_ours("imsi", imsi, self._rules.imsi_prefixes)
        return imsi

    def _read_code(self, text: str) -> ActivationCode | None:
        return self._read("activation_code", parse_activation_code, text) if text else None

    def _read_kind(self, text: str, code: ActivationCode | None) -> SimKind:
        likely = SimKind.ESIM if code else SimKind.PHYSICAL
        kind = _KINDS.get(text.lower()) if text else likely
        if kind is None or (code is not None and kind is not SimKind.ESIM):
            raise malformed(self.title("kind"), "kind")
        return kind

    def _read(self, column: str, read: Callable[[str], _Value], text: str) -> _Value:
        try:
            return read(text)
        except Refusal:
            raise malformed(self.title(column), column) from None

    def _require_ours(self, column: str, digits: str, prefixes: tuple[str, ...]) -> None:
        if prefixes and not digits.startswith(prefixes):
            raise malformed(self.title(column), f"{column}_range")

    def refuse_other(self) -> BadRow:
        """Return what is wrong with a row whose SIM is there, and is not as it says."""
        return BadRow(
            self.title("iccid"),
            "sim_differs",
            "The SIM is in the inventory already and differs from this row.",
        )

    def refuse_imsi(self) -> BadRow:
        """Return what is wrong with a row whose IMSI is another SIM's."""
        return BadRow(self.title("imsi"), "imsi_in_use", "The IMSI is on another SIM already.")
