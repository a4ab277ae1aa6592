"""What is on sale: denominations with four dated numbers, and amounts of one's own."""

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.money import MICROS_PER_RINGGIT, MICROS_PER_SEN, divide_half_up, ringgit
from tambah.domain.records import Record
from tambah.domain.refusals import AmountOutOfRange, DenominationUnknown


class Denomination(Record, frozen=True, kw_only=True):
    """A value on sale from one instant to another.

    price: what is paid; tax: the part of it that is tax; credit: what the line gets as main
    credit; bonus: given on top (all micro-ringgit). valid_days: what it does to the line's dates;
    bonus_days: how long the bonus lives. on_sale_until: first instant off sale, None for open.
    """

    price_micros: int
    tax_micros: int
    credit_micros: int
    bonus_micros: int
    valid_days: int
    bonus_days: int
    on_sale_from: datetime
    on_sale_until: datetime | None = None

    def is_on_sale(self, now: datetime) -> bool:
        """Say whether it is in force at `now`."""
        return self.on_sale_from <= now and (
            self.on_sale_until is None or now < self.on_sale_until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAmount:
    """Amounts that are no denomination: limits, and days for each ringgit."""

    least_micros: int
    most_micros: int
    days_per_ringgit: int = 1
    tax_permille: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All that is sold, of all times."""

    denominations: tuple[Denomination, ...]
    own_amount: OwnAmount

    def __post_init__(self) -> None:
        """Raise ValueError for a denomination without credit, or whose parts are not its price."""
        for d in self.denominations:
            if d.credit_micros <= 0 or d.tax_micros + d.credit_micros != d.price_micros:
                raise ValueError(
                    f"the denomination of RM{ringgit(d.price_micros)} is not the sum of its tax "
                    f"(RM{ringgit(d.tax_micros)}) and its credit (RM{ringgit(d.credit_micros)})"
                )

    def on_sale(self, now: datetime) -> list[Denomination]:
        """Return what is on sale at `now`, by price."""
        live = (d for d in self.denominations if d.is_on_sale(now))
        return sorted(live, key=lambda d: d.price_micros)

    def denomination(self, price_micros: int, now: datetime) -> Denomination:
        """Return the denomination of that price. Raises DenominationUnknown."""
        for candidate in self.denominations:
            if candidate.price_micros == price_micros and candidate.is_on_sale(now):
                return candidate
        raise DenominationUnknown

    def offer(self, price_micros: int, now: datetime) -> Denomination:
        """Return what paying `price_micros` buys now: a denomination, else an own amount.

        Raises AmountOutOfRange.
        """
        for candidate in self.denominations:
            if candidate.price_micros == price_micros and candidate.is_on_sale(now):
                return candidate
        own = self.own_amount
        if not own.least_micros <= price_micros <= own.most_micros:
            raise AmountOutOfRange(least=ringgit(own.least_micros), most=ringgit(own.most_micros))
        # Tax is whole sen, as on an invoice: RM10 at 6 % gave RM9.43 in September 2018.
        tax_sen = divide_half_up(
            price_micros * own.tax_permille, (1000 + own.tax_permille) * MICROS_PER_SEN
        )
        tax_micros = tax_sen * MICROS_PER_SEN
        return Denomination(
            price_micros=price_micros,
            tax_micros=tax_micros,
            credit_micros=price_micros - tax_micros,
            bonus_micros=0,
            valid_days=max(1, price_micros // MICROS_PER_RINGGIT * own.days_per_ringgit),
            bonus_days=0,
            on_sale_from=now,
        )
