"""What is wrong with a row or a file, in words; never with a value out of it."""

from __future__ import annotations

from dataclasses import dataclass

from tambah.domain.refusals import Refusal


class FileRefused(Exception):
    """The file as a whole cannot be imported; the text says what to change. Nothing was done."""

    code = "file_malformed"


class BadRow(Exception):
    """One row cannot be imported. column: as the file's header has it, empty for the row itself.

    The reason never repeats what stands in the file: it may be about a person.
    """

    def __init__(self, column: str, code: str, reason: str) -> None:
        super().__init__(code)
        self.column = column
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that was not imported, as the report has it. line: of the file, the first is 1."""

    line: int
    column: str
    code: str
    reason: str


_NOT_THIS_WAY = "{column} cannot be read. {hint}"
_HINTS = {
    "iccid": "A SIM's number has 19 or 20 digits, starts with 89 and ends in its check digit.",
    "iccid_range": "It is none of the operator's: see iccid_prefixes of operator.toml.",
    "imsi": "An IMSI has 14 or 15 digits.",
    "imsi_range": "It is none of the operator's: see imsi_prefixes of operator.toml.",
    "kind": "Write physical or esim; only an esim has an activation code.",
    "activation_code": "Write it like LPA:1$SMDP.EXAMPLE.COM$ABC-123.",
    "language": "Write en, ms, zh-Hans or ta.",
    "plan": "Write a plan that operator.toml lists.",
    "activated_on": "Write a day like 2026-12-31 that is not in the future.",
    "active_until": "Write the last active day like 2026-12-31, not before activated_on.",
    "grace_until": "Write the last day of grace like 2027-02-19, not before active_until.",
    "barred": "Write yes or no.",
    "suspended": "Write yes or no.",
    "birth_date": "Write a day of the past like 1990-12-31.",
}
_REASONS = {
    "number_malformed": "This is no mobile number of this country. Write it like 0123456789.",
    "amount_malformed": "The balance cannot be read. Write ringgit like 10.00, without a sign.",
    "amount_too_precise": "The balance has fractions of a sen. Write two decimal places.",
    "balance_too_high": "The balance is above the most that a line may hold.",
    "number_in_use": "The number already belongs to a line that differs from this row.",
    "sim_not_usable": "The SIM is not in stock: it serves another line, or did.",
    "internal_error": "This row met a fault of ours and was not imported. The log has it.",
}


def malformed(column: str, kind: str) -> BadRow:
    """Return the bad row of a field that cannot be read. kind: which column it is."""
    hint = _HINTS.get(kind, "Take out what cannot be printed.")
    return BadRow(column, "field_malformed", _NOT_THIS_WAY.format(column=column, hint=hint))


def missing(column: str, why: str) -> BadRow:
    """Return the bad row of a field that should have been filled in."""
    return BadRow(column, "field_missing", f"{column} is empty. {why}")


def broken(reason: str) -> BadRow:
    """Return the bad row whose line is no row of the table."""
    return BadRow("", "row_malformed", reason)


def refused(column: str, refusal: Refusal) -> BadRow:
    """Return the bad row that the rules refuse."""
    return BadRow(column, refusal.code, _REASONS.get(refusal.code, "The rules refuse this row."))
