"""Dealers' trade as properties of random trees and histories."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tambah.domain.refusals import Refusal
from tambah.domain.validity import ValidityPolicy

from .histories import history_rules
from .memory_books import MemoryBooks
from .proofs import prove
from .trade_oracle import prove_trade
from .trees import dealings, trees
from .world import ALICE, BOB, START, import_line


@settings(max_examples=120)
@given(st.data())
def test_every_level_is_charged_and_earns_and_nothing_is_lost(data: st.DataObject) -> None:
    world = data.draw(trees())
    books = MemoryBooks(history_rules(ValidityPolicy.ADD), world)
    now = START
    for line_id, msisdn in ((11, ALICE), (12, BOB)):
        books.submit(import_line(line_id, msisdn), now)
    for seconds, command in data.draw(dealings(world)):
        now += timedelta(seconds=seconds)
        before = books.state()
        try:
            books.submit(command, now)
        except Refusal:
            decision = books.decision
            if decision is None or not decision.is_remembered:
                assert books.state() == before
        prove_trade(books)
    prove(books)
