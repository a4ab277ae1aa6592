"""Making batches: what is stored, what collides, what a crash leaves."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tambah.domain.actor import Actor
from tambah.domain.commands import RedeemVoucher
from tambah.domain.guessing import Audience
from tambah.domain.refusals import (
    BatchStateWrong,
    CodeNotUsable,
    DenominationUnknown,
    FieldMalformed,
    ReasonMissing,
    Refusal,
)
from tambah.domain.rules import Rules
from tambah.domain.voucher import BatchState, VoucherState, fold_code
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.engine.vouchers import (
    CodeSource,
    SerialRange,
    change_batch,
    change_range,
    generate,
)
from tambah.engine.vouchers.codes import draw_codes
from tambah.store.database import Database
from tambah.store.views import stock
from tests.engine.books import add_line
from tests.engine.vouchers.making import (
    NOW,
    RM,
    STAFF,
    count_audit,
    make,
    predictable,
    request,
    small_space,
)


async def test_generate_fixes_the_denominations_numbers(
    database: Database, keys: Keys, rules: Rules
) -> None:
    made = await make(database, keys, rules, 3)

    batch = await stock.read_batch(database, made.batch_id)
    assert batch is not None
    assert batch.state is BatchState.GENERATED
    assert (batch.price_micros, batch.tax_micros) == (30 * RM, 0)
    assert (batch.credit_micros, batch.bonus_micros) == (30 * RM, 2 * RM)
    assert (batch.valid_days, batch.bonus_days) == (30, 30)
    assert (batch.quantity, batch.stored, batch.key_id) == (3, 3, 2)
    assert (batch.print_digest, batch.print_is_here) == (None, False)
    assert (made.first_serial, made.last_serial) == ("0001-00000001", "0001-00000003")
    assert await count_audit(database, "generate_vouchers") == 1
    assert await count_audit(database, "begin_batch") == 1


async def test_generate_stores_each_code_under_its_serial(
    database: Database, keys: Keys, rules: Rules
) -> None:
    made = await generate(database, keys, rules.catalog, request(50), source=CodeSource(chunk=20))

    rows = await database.fetch(
        """
        SELECT printed.number, printed.digest, voucher.number AS same, state, activated
          FROM voucher_serial AS printed JOIN voucher USING (digest, batch_id)
         WHERE batch_id = $1 ORDER BY printed.number
        """,
        made.batch_id,
    )
    assert [fold_code(code) for code in made.codes] == list(made.codes)
    assert [tuple(row) for row in rows] == [
        (number, keys.code_digest(code, 2), number, VoucherState.GENERATED, False)
        for number, code in enumerate(made.codes, 1)
    ]


async def test_generate_makes_electronic_codes_active_but_not_released(
    database: Database, keys: Keys, rules: Rules, engine: Engine
) -> None:
    await add_line(engine, database, 60123456789)
    made = await make(database, keys, rules, 2, born_active=True)
    command = RedeemVoucher(
        caller="test",
        request_key="1",
        msisdn=60123456789,
        digits=made.codes[0],
        audience=Audience.OWN,
    )

    with pytest.raises(CodeNotUsable):
        await engine.submit(command)
    await change_batch(database, made.batch_id, "release", STAFF, NOW)
    # The wrong code counted, so its answer stands under its key for ever.
    credited = await engine.submit(replace(command, request_key="2"))

    assert credited.credited_micros == 30 * RM  # type: ignore[union-attr]
    assert await stock.count_batch(database, made.batch_id) == {
        VoucherState.GENERATED: 0,
        VoucherState.ACTIVE: 1,
        VoucherState.REDEEMED: 1,
        VoucherState.LOCKED: 0,
        VoucherState.VOID: 0,
    }


async def test_generate_holds_no_more_than_a_chunk_at_a_time(
    database: Database, keys: Keys, rules: Rules
) -> None:
    asked: list[int] = []
    seen: list[tuple[int, int]] = []
    bytes_of = predictable("chunks")

    def record(count: int) -> bytes:
        asked.append(count)
        return bytes_of(count)

    await generate(
        database,
        keys,
        rules.catalog,
        request(250),
        lambda done, of: seen.append((done, of)),
        CodeSource(random_bytes=record, chunk=100),
    )

    assert seen == [(100, 250), (200, 250), (250, 250)]
    assert max(asked) == (100 + 25 + 16) * 8


async def test_generate_redraws_what_is_in_use_under_any_live_key(
    database: Database, keys: Keys, rules: Rules
) -> None:
    older = Keys({1: keys.peppers[1]})
    space = small_space(130, chunk=15)
    before = await generate(database, older, rules.catalog, request(40), source=space)
    after = await generate(database, keys, rules.catalog, request(60), source=space)

    assert len(set(before.codes + after.codes)) == 100
    rows = await database.fetch("SELECT digest FROM voucher ORDER BY digest")
    assert [row[0] for row in rows] == sorted(
        [keys.code_digest(code, 1) for code in before.codes]
        + [keys.code_digest(code, 2) for code in after.codes]
    )


async def test_generate_numbers_batches_made_at_once_apart(
    database: Database, keys: Keys, rules: Rules
) -> None:
    space = small_space(150, chunk=10)
    made = await asyncio.gather(
        *(generate(database, keys, rules.catalog, request(30), source=space) for _ in range(4))
    )

    assert sorted(batch.batch_id for batch in made) == [1, 2, 3, 4]
    assert len({code for batch in made for code in batch.codes}) == 120


class BrokenOff(Exception):
    """The process died."""


async def break_off(database: Database, keys: Keys, rules: Rules, chunks: int) -> None:
    """Make a batch of electronic codes that breaks off after so many chunks of ten."""

    def stop(done: int, _of: int) -> None:
        if done == chunks * 10:
            raise BrokenOff

    source = CodeSource(random_bytes=predictable("broken"), chunk=10)
    with pytest.raises(BrokenOff):
        await generate(database, keys, rules.catalog, request(50, born_active=True), stop, source)


async def test_a_crash_leaves_a_draft_that_never_redeems(
    database: Database, keys: Keys, rules: Rules, engine: Engine
) -> None:
    await add_line(engine, database, 60123456789)
    await break_off(database, keys, rules, 2)

    batch = await stock.read_batch(database, 1)
    assert batch is not None
    assert (batch.state, batch.stored, batch.quantity) == (BatchState.DRAFT, 20, 50)
    with pytest.raises(BatchStateWrong):
        await change_batch(database, 1, "release", STAFF, NOW)
    with pytest.raises(BatchStateWrong):
        await change_range(
            database, SerialRange(batch_id=1, first=1, last=9), "activate", STAFF, NOW
        )
    known = draw_codes(10, keys, CodeSource(random_bytes=predictable("broken"))).codes[0]
    assert (
        await database.fetch_value(
            "SELECT count(*) FROM voucher WHERE digest = $1", keys.code_digest(known.decode(), 2)
        )
        == 1
    )
    with pytest.raises(CodeNotUsable):
        await engine.submit(
            RedeemVoucher(
                caller="test",
                request_key="1",
                msisdn=60123456789,
                digits=known.decode(),
                audience=Audience.OWN,
            )
        )


async def test_a_crash_is_cleared_away_by_voiding_and_making_again(
    database: Database, keys: Keys, rules: Rules
) -> None:
    await break_off(database, keys, rules, 2)

    moved = await change_batch(database, 1, "void", STAFF, NOW)
    made = await make(database, keys, rules, 5)

    assert (moved.before, moved.after) == (BatchState.DRAFT, BatchState.VOID)
    assert made.batch_id == 2


async def test_generate_stops_when_its_draft_is_voided(
    database: Database, keys: Keys, rules: Rules
) -> None:
    loop = asyncio.get_running_loop()
    voiding: list[asyncio.Task[object]] = []

    def void(done: int, _of: int) -> None:
        if done == 10:
            task = loop.create_task(change_batch(database, 1, "void", STAFF, NOW))
            voiding.append(task)

    with pytest.raises(BatchStateWrong):
        await generate(database, keys, rules.catalog, request(1000), void, CodeSource(chunk=10))

    await asyncio.gather(*voiding)
    batch = await stock.read_batch(database, 1)
    assert batch is not None
    assert batch.state is BatchState.VOID


REFUSED: list[tuple[dict[str, object], type[Refusal]]] = [
    ({"quantity": 0}, FieldMalformed),
    ({"quantity": 10_000_001, "keep_codes": False}, FieldMalformed),
    ({"quantity": 1001, "keep_codes": True}, FieldMalformed),
    ({"recipient": "age1nonsense"}, FieldMalformed),
    ({"price_micros": 7 * RM}, DenominationUnknown),
    ({"actor": Actor(who="aminah", why="  ")}, ReasonMissing),
    ({"actor": Actor(who="", why="cards")}, ReasonMissing),
]


async def test_generate_refuses_before_anything_is_written(
    database: Database, keys: Keys, rules: Rules
) -> None:
    for changes, refusal in REFUSED:
        wanted = replace(request(5), **changes)  # type: ignore[arg-type]
        with pytest.raises(refusal):
            await generate(database, keys, rules.catalog, wanted)

    assert await stock.list_batches(database) == []
    assert await count_audit(database, "begin_batch") == 0


async def test_generated_does_not_show_its_codes(
    database: Database, keys: Keys, rules: Rules
) -> None:
    made = await make(database, keys, rules, 1)

    assert made.codes[0] not in repr(made)


async def test_generate_keeps_no_codes_unless_asked(
    database: Database, keys: Keys, rules: Rules
) -> None:
    made = await make(database, keys, rules, 5, keep_codes=False)

    assert made.codes == ()
