"""Random lives of one line: topped up, in vain too, taken back, expired, brought back.

Unlike `histories`, nearly all of it is about dates: lines run out, and much is asked for of a line
that has. As there, a life is a list of (seconds to let pass, command) under `history_rules`.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tambah.domain.care_commands import AllowReactivation
from tambah.domain.commands import Command, NewsKind, OpenPayment, PaymentNews, RefundPayment
from tambah.domain.payment import ProviderId

from .histories import DAY, FIRST_LINE_ID, KEY, keyed
from .world import (
    ALICE,
    RM,
    STAFF,
    UNKNOWN_CODE,
    WORLD,
    adjust,
    bar,
    day,
    fund,
    import_line,
    redeem,
    reverse,
    top_up,
)

_ADVANCES = st.sampled_from(
    [0] * 4 + [60, DAY - 1, DAY, 2 * DAY, 5 * DAY] * 2 + [9 * DAY, 12 * DAY, 20 * DAY, 25 * DAY]
)
_SOON = st.sampled_from([0, 0, 60, DAY])
_NUMBERS = st.sampled_from([1, 1, 1, 2, 2, 3, 4])
_TOPUPS = st.builds(top_up, st.just(KEY), st.sampled_from([5, 5, 10, 10, 20]), st.just(ALICE))
_REDEMPTIONS = st.builds(redeem, st.just(KEY), st.sampled_from([*WORLD.cards, UNKNOWN_CODE]))
_OPENINGS = st.builds(
    OpenPayment,
    caller=st.just("web"),
    request_key=st.just(KEY),
    msisdn=st.just(ALICE),
    amount_micros=st.just(10 * RM),
    provider=st.just(ProviderId.SANDBOX),
    method=st.just("bank"),
)
_NEWS = st.builds(
    PaymentNews,
    line_id=st.just(FIRST_LINE_ID),
    payment_no=_NUMBERS,
    kind=st.sampled_from([NewsKind.PAID] * 6 + [NewsKind.REFUNDED]),
    amount_micros=st.just(10 * RM),
)
_REFUNDS = st.builds(
    RefundPayment,
    caller=st.just("cli"),
    request_key=st.just(KEY),
    line_id=st.just(FIRST_LINE_ID),
    payment_no=_NUMBERS,
    amount_micros=st.sampled_from([None, 10 * RM, 5 * RM]),
    forgive_spent=st.booleans(),
    actor=st.just(STAFF),
)
_RETURNS = st.builds(
    AllowReactivation,
    caller=st.just("cli"),
    request_key=st.just(KEY),
    line_id=st.just(FIRST_LINE_ID),
    actor=st.just(STAFF),
)
_COMMANDS: list[tuple[int, list[st.SearchStrategy[Command]]]] = [
    (8, [_TOPUPS]),
    (3, [_REDEMPTIONS]),
    (3, [st.builds(reverse, st.just(KEY), _NUMBERS)]),
    (2, [_OPENINGS]),
    (3, [_OPENINGS, _NEWS]),
    (3, [_NEWS]),
    (1, [_REFUNDS]),
    (1, [_RETURNS]),
    (4, [_RETURNS, _TOPUPS]),
    (1, [st.builds(adjust, st.just(KEY), st.sampled_from([-10, -1, 150]), st.just(ALICE))]),
    (1, [st.builds(bar, st.just(KEY), barred=st.sampled_from([False, False, True]))]),
]
_STEPS = st.sampled_from([step for weight, step in _COMMANDS for _ in range(weight)]).flatmap(
    lambda step: st.tuples(
        _ADVANCES, step[0], *(part for command in step[1:] for part in (_SOON, command))
    )
)
"""Seconds and command in turn: what mostly comes to something only one after the other."""


@st.composite
def lives(draw: st.DrawFn, most: int = 30) -> list[tuple[int, Command]]:
    """Return what is asked for of one line; its partner's float never runs out."""
    until = draw(st.sampled_from([day(10), day(10), day(30)]))
    life: list[tuple[int, Command]] = [
        (0, import_line(FIRST_LINE_ID, until=until)),
        (0, fund("fund", 10_000)),
    ]
    drawn = [part for step in draw(st.lists(_STEPS, min_size=12, max_size=most)) for part in step]
    for serial, (seconds, command) in enumerate(zip(drawn[::2], drawn[1::2], strict=True)):
        life.append((seconds, keyed(command, f"key {serial}", serial)))
    return life
