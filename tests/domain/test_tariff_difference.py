"""What one sheet changes against another."""

from __future__ import annotations

from tambah.domain.rating import Rate, Service
from tambah.domain.records import replace
from tambah.domain.tariff import TariffRow
from tambah.domain.tariff_difference import TOLD, compare


def row(pattern: str, micros: int = 200_000, **fields: object) -> TariffRow:
    """Return a row of voice, charged by the minute."""
    plain = TariffRow(
        service=Service.VOICE,
        origin="home",
        pattern=pattern,
        on_net=False,
        hours="",
        destination_class="idd-1",
        name="",
        rate=Rate(price_micros=micros, per_units=60, first_units=60, next_units=60),
    )
    return replace(plain, **fields)


def test_a_sheet_and_itself_do_not_differ() -> None:
    rows = [row("60"), row("60", hours="08:00-18:00"), row("", service=Service.DATA)]

    told = compare(rows, rows)

    assert told.is_nothing
    assert told.same == 3


def test_each_way_of_changing_is_counted() -> None:
    per_second = replace(row("84").rate, first_units=1, next_units=1)
    before = [row("60"), row("61"), row("62"), row("63"), row("84"), row("85"), row("86")]
    after = [
        row("60"),
        row("61", 300_000),
        row("62", 100_000),
        row("63", name="Philippines"),
        row("84", rate=per_second),
        row("85", rate=replace(per_second, price_micros=210_000)),
        row("87"),
        row("86", on_net=True),
        row("86", origin="zone-1"),
        row("86", hours="22:00-06:00"),
    ]

    told = compare(before, after)

    assert (told.same, told.dearer, told.cheaper, told.mixed, told.reworded) == (1, 1, 2, 1, 1)
    assert (told.added, told.dropped) == (4, 1)
    assert not told.is_nothing


def test_a_change_tells_what_a_minute_cost_and_costs() -> None:
    told = compare([row("86", 200_000)], [row("86", 250_000, name="China")])

    (change,) = told.most_dearer
    assert (change.pattern, change.name, change.units) == ("86", "China", 60)
    assert (change.before_micros, change.after_micros) == (200_000, 250_000)
    assert told.most_cheaper == ()


def test_where_a_minute_costs_the_same_the_first_use_that_differs_is_told() -> None:
    halves = replace(row("86").rate, first_units=1, next_units=1)

    (change,) = compare([row("86")], [row("86", rate=halves)]).most_cheaper

    assert change.units == 1
    assert change.step_micros < 0


def test_messages_and_data_are_compared_by_their_own_units() -> None:
    def both(message: int, data: int) -> list[TariffRow]:
        return [
            row("", service=Service.SMS, rate=Rate(price_micros=message)),
            row("", service=Service.MMS, rate=Rate(price_micros=message)),
            row("", service=Service.DATA, rate=Rate(price_micros=data, per_units=1 << 20)),
        ]

    told = compare(both(80_000, 10_000), both(90_000, 8_000))

    assert [change.units for change in told.most_dearer] == [1, 1]
    assert [change.units for change in told.most_cheaper] == [1 << 20]


def test_only_the_biggest_changes_are_told() -> None:
    before = [row(str(number)) for number in range(100, 140)]
    after = [row(str(number), 200_000 + number * 1000) for number in range(100, 140)]

    told = compare(before, after)

    assert told.dearer == 40
    assert [change.pattern for change in told.most_dearer] == [str(139 - n) for n in range(TOLD)]
