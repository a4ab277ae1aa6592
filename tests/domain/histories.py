"""Random histories of commands: for the rules alone, and for an engine on a real database.

A history is a list of (seconds to let pass, command), to be run from `START` on the store that
`WORLD` describes, under the rules of `history_rules(policy)`. Lines are made by the history's own
ImportLine commands, each with a `line_id` that nothing else uses.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tambah.domain.commands import AgeLine, Command
from tambah.domain.guessing import Audience, GuessingRule
from tambah.domain.line import LifeRule
from tambah.domain.rules import Rules
from tambah.domain.validity import ValidityPolicy

from .world import (
    ALICE,
    BOB,
    CAPPED,
    CAROL,
    SHOP,
    STOPPED,
    UNKNOWN_CODE,
    WORLD,
    activate,
    adjust,
    bar,
    day,
    fund,
    import_line,
    redeem,
    reverse,
    rules_for,
    top_up,
)

DAY = 86_400
HISTORY_CAP_DAYS = 60
LINES = (ALICE, BOB)
NUMBERS = (ALICE, ALICE, ALICE, BOB, BOB, CAROL)
SOURCES = (b"", b"address")
FIRST_LINE_ID = 1001


def history_rules(policy: ValidityPolicy) -> Rules:
    """Return rules whose limits are near, so that short histories meet them.

    Guests are never paused: an engine counts them with a second's delay.
    """
    return rules_for(
        policy,
        cap_days=HISTORY_CAP_DAYS,
        life=LifeRule(grace_days=20, reactivation_days=10, quarantine_days=30),
        guessing=GuessingRule(
            ladder=((2, 15), (3, 60), (4, 1440)), source_hourly=3, guests_hourly=10**6
        ),
        most=200,
    )


def advances() -> st.SearchStrategy[int]:
    """Return seconds to pass: often none, often exactly to a midnight or just before one."""
    return st.one_of(
        st.sampled_from([0, 0, 0, 1, 60, 899, 900, 3599, 3600]),
        st.sampled_from([1, 1, 2, 5, 7, 10, 20, 30, 31]).map(DAY.__mul__),
        st.sampled_from([1, 5, 10, 20, 30]).map(lambda days: days * DAY - 1),
    )


def amounts() -> st.SearchStrategy[float]:
    """Return amounts in ringgit: denominations, amounts of one's own, and some out of range."""
    return st.sampled_from([5, 10, 10, 20, 20, 30, 50, 7, 1.05, 0.5, 600])


def command_for(key: str, serial: int) -> st.SearchStrategy[Command]:
    """Return any command; `key` is its request key, `serial` its place in the history."""
    numbers = st.sampled_from(NUMBERS)
    codes = st.sampled_from([*WORLD.cards, UNKNOWN_CODE, UNKNOWN_CODE, UNKNOWN_CODE])
    maybe = st.sampled_from([True, False, None])
    partners = st.sampled_from([SHOP, SHOP, SHOP, CAPPED, CAPPED, STOPPED, 999])
    topups = st.builds(
        top_up,
        st.just(key),
        amounts(),
        numbers,
        partner_id=partners,
        reference=st.sampled_from([None, None, None, "till 1", ""]),
    )
    redemptions = st.builds(
        redeem,
        st.just(key),
        codes,
        numbers,
        audience=st.sampled_from(Audience),
        source=st.sampled_from(SOURCES),
    )
    return st.one_of(
        topups,
        topups,
        topups,
        redemptions,
        redemptions,
        st.builds(reverse, st.just(key), st.integers(1, 5), numbers),
        st.builds(adjust, st.just(key), st.sampled_from([-25, -10, -3.5, -1, 2, 0, 250]), numbers),
        st.builds(fund, st.just(key), st.sampled_from([100, 500, 0]), partners),
        st.builds(AgeLine, msisdn=numbers),
        st.builds(activate, st.just(key), st.integers(0, 9), numbers),
        st.builds(bar, st.just(key), numbers, barred=maybe, suspended=maybe),
        imports(serial),
    )


def imports(serial: int, msisdn: int | None = None) -> st.SearchStrategy[Command]:
    """Return the import of a line: new, active or long over, sometimes a row seen before."""
    return st.builds(
        import_line,
        st.just(FIRST_LINE_ID + serial),
        st.sampled_from(NUMBERS) if msisdn is None else st.just(msisdn),
        until=st.sampled_from([None, day(10), day(30), day(30.25), day(-5), day(-90)]),
        opening=st.sampled_from([0, 0, 25]),
        digest=st.sampled_from([b"row a", b"row b"]),
    )


@st.composite
def histories(draw: st.DrawFn, most: int = 25) -> list[tuple[int, Command]]:
    """Return a history: lines and a funded partner first, then anything, repeats included."""
    history: list[tuple[int, Command]] = []
    for serial, msisdn in enumerate(LINES):
        history.append((0, draw(imports(serial, msisdn))))
    history.append((0, fund("first", 500)))
    for serial in range(len(history), draw(st.integers(len(history), most))):
        seconds = draw(advances())
        choice = draw(st.integers(0, 11))
        if choice == 0:
            # A request again, as callers do who got no answer.
            command = draw(st.sampled_from([command for _, command in history]))
        elif choice == 1:
            # A key again, with other content.
            command = draw(command_for("first", serial))
        else:
            command = draw(command_for(f"key {serial}", serial))
        history.append((seconds, command))
    return history
