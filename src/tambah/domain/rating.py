"""What a call, a message or data costs, and how far an amount of money reaches."""

from __future__ import annotations

from enum import IntEnum

from tambah.domain.records import Record


class Service(IntEnum):
    """What is used, as the database stores it; its units: seconds, messages, messages, bytes."""

    VOICE = 1
    SMS = 2
    MMS = 3
    DATA = 4


class Rounding(IntEnum):
    """To which multiple of `round_to_micros` a charge goes, as the database stores it.

    NEAREST: halves go up.
    """

    UP = 1
    NEAREST = 2
    DOWN = 3


class Rate(Record, frozen=True, kw_only=True):
    """A price. connection_micros: once, for using it at all.

    price_micros: for each per_units, 0 for free. first_units, next_units: the intervals charged,
    each one begun in full. rounding, round_to_micros: of the whole charge; 1 rounds to nothing
    coarser than a micro-ringgit.
    """

    price_micros: int
    connection_micros: int = 0
    per_units: int = 1
    first_units: int = 1
    next_units: int = 1
    rounding: Rounding = Rounding.UP
    round_to_micros: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for what is no price."""
        if min(self.price_micros, self.connection_micros) < 0:
            raise ValueError("a price cannot be negative")
        if min(self.per_units, self.first_units, self.next_units, self.round_to_micros) < 1:
            raise ValueError("units, intervals and what is rounded to are one or more")


def charged_units(rate: Rate, units: int) -> int:
    """Return the units that are charged for `units` used: every interval begun, in full.

    Raises ValueError where units are negative.
    """
    if units < 0:
        raise ValueError(f"nobody uses {units} units")
    if units == 0:
        return 0
    further = max(units - rate.first_units, 0)
    return rate.first_units + -(-further // rate.next_units) * rate.next_units


def cost(rate: Rate, units: int) -> int:
    """Return what `units` cost altogether, in micro-ringgit; nothing costs nothing.

    More units never cost less. Raises ValueError where units are negative.
    """
    charged = charged_units(rate, units)
    if charged == 0:
        return 0
    whole = rate.connection_micros * rate.per_units + charged * rate.price_micros
    step = rate.per_units * rate.round_to_micros
    match rate.rounding:
        case Rounding.UP:
            steps = -(-whole // step)
        case Rounding.NEAREST:
            steps = (2 * whole + step) // (2 * step)
        case _:
            steps = whole // step
    return steps * rate.round_to_micros


def units_for(rate: Rate, micros: int, used: int = 0) -> int | None:
    """Return how many more units `micros` pay for after `used`, None for any number.

    The greatest n with cost(used + n) - cost(used) <= micros; it reaches to the end of an interval
    that is charged. 0 where not one more unit can be paid. Raises ValueError for negative numbers.
    """
    if micros < 0:
        raise ValueError(f"nothing is paid with {micros}")
    paid = cost(rate, used)
    if rate.price_micros == 0:
        return None if used or cost(rate, 1) <= micros else 0
    most = _most_charged(rate, paid + micros)
    if most < rate.first_units:
        return 0
    reached = rate.first_units
    reached += (most - rate.first_units) // rate.next_units * rate.next_units
    return reached - used


def _most_charged(rate: Rate, micros: int) -> int:
    """Return the most charged units that cost no more than `micros`: `cost` solved for them."""
    step = rate.per_units * rate.round_to_micros
    steps = micros // rate.round_to_micros
    match rate.rounding:
        case Rounding.UP:
            whole = steps * step
        case Rounding.NEAREST:
            whole = ((2 * steps + 1) * step - 1) // 2
        case _:
            whole = (steps + 1) * step - 1
    return (whole - rate.connection_micros * rate.per_units) // rate.price_micros
