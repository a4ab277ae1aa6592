"""Run every measurement, print a table, write bench.json.

.venv/bin/python -m benchmarks             everything (some twenty minutes)
.venv/bin/python -m benchmarks engine http some of it; the file keeps the rest
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from . import (
    charges,
    console_runs,
    dealer_runs,
    dialogue_runs,
    diameter_runs,
    engine_runs,
    finance_runs,
    nchf_runs,
    reference,
    sms_runs,
    tariff_runs,
    usage_runs,
)
from .calling import Calls, top_up_calls
from .ground import Ground, add_known_codes, make_ground
from .http_runs import Load, Server
from .paying import credited_payments, open_payments
from .stock import PEAK, grow, make_million

PAIRS = 5
SECONDS = 2.0
PARTS = (
    "engine",
    "dealers",
    "http",
    "hot",
    "redeem",
    "pay",
    "packages",
    "nchf",
    "sms",
    "calls",
    "dialogue",
    "diameter",
    "usage",
    "vouchers",
    "rss",
    "growth",
    "console",
    "tariff",
    "finance",
)
CODES = 900_000
WEBHOOKS = 8_000
CALLS = 1_000
RECORDS = int(os.environ.get("RECORDS", "100000"))
CARDS = 10_000_000
CROWD = 1_000_000


class Results:
    """What was measured; written to bench.json as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, dict[str, object]] = (
            json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        )

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        reference_value: float | None = None,
        ratio: float | None = None,
        **more: object,
    ) -> None:
        """Add a figure, print it and write the file."""
        self._rows[name] = {
            "value": round(value, 2),
            "unit": unit,
            "reference": None if reference_value is None else round(reference_value, 2),
            "ratio": None if ratio is None else round(ratio, 3),
            **more,
        }
        beside = (
            "" if ratio is None else f"  reference {reference_value:10,.1f}  ratio {ratio:.2f}"
        )
        extra = "".join(f"  {key} {shown}" for key, shown in more.items())
        print(f"{name:20} {value:10,.1f} {unit:12}{beside}{extra}", flush=True)
        self._path.write_text(json.dumps(self._rows, indent=2) + "\n", encoding="utf-8")

    def add_pairs(self, name: str, pairs: list[tuple[float, float]], **more: object) -> None:
        """Add a rate measured in interleaved pairs with its reference."""
        ratios = [value / against for value, against in pairs]
        self.add(
            name,
            statistics.median(value for value, _ in pairs),
            "per second",
            statistics.median(against for _, against in pairs),
            statistics.median(ratios),
            ratios=f"{min(ratios):.2f}..{max(ratios):.2f}",
            **more,
        )


def interleaved(
    first: Callable[[], float], second: Callable[[], float], pairs: int = PAIRS
) -> list[tuple[float, float]]:
    """Measure two things in turns, changing who begins."""
    measured: list[tuple[float, float]] = []
    for place in range(pairs):
        if place % 2:
            against = second()
            measured.append((first(), against))
        else:
            value = first()
            measured.append((value, second()))
    return measured


def run(coroutine: object) -> float:
    """Run a coroutine on a loop of its own."""
    return uvloop.run(coroutine)  # type: ignore[arg-type, return-value]


def measure_engine(ground: Ground, results: Results) -> None:
    """Measure the engine in this process against pgbench and against Python without batches."""
    for callers in (64, 256):
        pairs = interleaved(
            lambda n=callers: run(engine_runs.top_ups(ground, n, SECONDS)),
            lambda n=callers: reference.pgbench(ground, n, SECONDS),
        )
        results.add_pairs(f"engine_{callers}", pairs)
    results.add_pairs(
        "engine_64_vs_own",
        interleaved(
            lambda: run(engine_runs.top_ups(ground, 64, SECONDS)),
            lambda: run(reference.own(ground, 64, SECONDS)),
        ),
    )
    results.add_pairs(
        "engine_hot_64",
        interleaved(
            lambda: run(engine_runs.top_ups(ground, 64, SECONDS, hot=True)),
            lambda: reference.pgbench(ground, 64, SECONDS, hot=True),
        ),
    )


def measure_dealers(ground: Ground, results: Results) -> None:
    """Measure reloads of a hundred tills on one float against those of a thousand shops.

    And the shops against partners that are no dealers, who have no tree and no commission.
    """
    run(dealer_runs.add_tree(ground))
    run(dealer_runs.sales(ground, 64, 0.5, hot=False))  # warm
    results.add_pairs(
        "dealers_hot_vs_many",
        interleaved(
            lambda: run(dealer_runs.sales(ground, 64, SECONDS, hot=True)),
            lambda: run(dealer_runs.sales(ground, 64, SECONDS, hot=False)),
        ),
    )
    results.add_pairs(
        "dealers_vs_partners",
        interleaved(
            lambda: run(dealer_runs.sales(ground, 64, SECONDS, hot=False)),
            lambda: run(engine_runs.top_ups(ground, 64, SECONDS)),
        ),
    )


def measure_http(ground: Ground, results: Results) -> None:
    """Measure top-ups over HTTP against pgbench with as many clients; hot against random."""
    server = Server(ground)
    try:
        server.top_ups(64, SECONDS)  # warm
        for connections in (1, 16, 64, 256):
            loads: list[Load] = []

            def one(n: int = connections, into: list[Load] = loads) -> float:
                into.append(server.top_ups(n, SECONDS))
                return into[-1].rate

            pairs = interleaved(one, lambda n=connections: reference.pgbench(ground, n, SECONDS))
            results.add_pairs(f"http_{connections}", pairs, **_latencies(loads))
    finally:
        server.stop()


def measure_hot(ground: Ground, results: Results) -> None:
    """Measure top-ups of one line over HTTP against top-ups of random ones."""
    server = Server(ground)
    try:
        server.top_ups(64, SECONDS)  # warm
        pairs = interleaved(
            lambda: server.top_ups(64, SECONDS, hot=True).rate,
            lambda: server.top_ups(64, SECONDS).rate,
        )
        results.add_pairs("hot_vs_random", pairs)
    finally:
        server.stop()


def measure_redemptions(ground: Ground, results: Results) -> None:
    """Measure redemptions of scattered cards just after a checkpoint, and once pages are warm."""
    server = Server(ground)
    fresh: list[Load] = []
    later: list[Load] = []
    try:
        pairs: list[tuple[float, float]] = []
        for _ in range(PAIRS):
            asyncio.run(ground.do("CHECKPOINT"))
            fresh.append(server.redemptions(64, SECONDS, ground.take_codes(24_000)))
            later.append(server.redemptions(64, SECONDS, ground.take_codes(24_000)))
            pairs.append((later[-1].rate, reference.pgbench(ground, 64, SECONDS)))
        after_checkpoint = statistics.median(load.rate for load in fresh)
        results.add_pairs(
            "http_redeem_64",
            pairs,
            **_latencies(later),
            after_checkpoint=round(after_checkpoint, 1),
        )
    finally:
        server.stop()


def measure_payments(ground: Ground, results: Results) -> None:
    """Measure payments credited, from their webhook to the end of the inbox."""
    server = Server(ground, pays=True)
    loads: list[Load] = []
    try:
        pairs: list[tuple[float, float]] = []
        for place in range(PAIRS + 1):
            webhooks: list[str] = asyncio.run(open_payments(ground, place * WEBHOOKS, WEBHOOKS))
            before: int = asyncio.run(credited_payments(ground))
            began = time.monotonic()
            load = server.payments(64, SECONDS, webhooks)
            after = asyncio.run(credited_payments(ground, drained=True))
            rate = (after - before) / (time.monotonic() - began)
            if place:  # the first one warms
                loads.append(load)
                pairs.append((rate, reference.pgbench(ground, 64, SECONDS)))
        results.add_pairs("paid_64", pairs, **_latencies(loads))
    finally:
        server.stop()


def measure_packages(ground: Ground, results: Results) -> None:
    """Measure packages bought over HTTP against the engine alone, and that against pgbench."""
    run(charges.give_credit(ground))
    server = Server(ground)
    loads: list[Load] = []

    def one() -> float:
        loads.append(server.purchases(64, SECONDS))
        return loads[-1].rate

    try:
        one()  # warm
        pairs = interleaved(one, lambda: run(engine_runs.purchases(ground, 64, SECONDS)))
        results.add_pairs(
            "packages_64",
            pairs,
            **_latencies(loads[1:]),
            pgbench=round(reference.pgbench(ground, 64, SECONDS)),
        )
    finally:
        server.stop()


def measure_calls(ground: Ground, results: Results) -> None:
    """Measure whole top-up calls at the AGI socket, each the first of its line."""
    run(add_known_codes(ground, CALLS * (PAIRS + 1)))
    made: list[Calls] = []

    def one() -> float:
        codes, first = ground.codes[-CALLS:], len(made) * CALLS
        del ground.codes[-CALLS:]
        made.append(uvloop.run(top_up_calls(ground, 64, codes, first)))
        return made[-1].rate

    one()  # warm
    pairs = interleaved(one, lambda: reference.pgbench(ground, 64, SECONDS))
    results.add_pairs(
        "calls_64",
        pairs,
        p50_ms=round(statistics.median(calls.p50_ms for calls in made[1:]), 1),
        commands=round(made[-1].commands, 1),
        cpu_ms=round(statistics.median(calls.cpu_ms for calls in made[1:]), 2),
    )


def measure_dialogue(ground: Ground, results: Results) -> None:
    """Measure steps of conversations that are kept between requests, as USSD's are."""
    run(dialogue_runs.kept_steps(ground, 64, 0.5))  # warm
    pairs = interleaved(
        lambda: run(dialogue_runs.kept_steps(ground, 64, SECONDS)),
        lambda: reference.pgbench(ground, 64, SECONDS),
    )
    results.add_pairs("dialogue_64", pairs, pure=round(dialogue_runs.pure_steps()))


def measure_nchf(ground: Ground, results: Results) -> None:
    """Measure 64 sessions at once over Nchf, beside the engine alone and the protocol alone.

    Initial, update and terminate requests mixed, one to three to one.
    """
    run(charges.give_credit(ground))
    door, alone = nchf_runs.Door(ground), nchf_runs.Door(ground, alone=True)
    made: list[nchf_runs.Charged] = []
    bare: list[nchf_runs.Charged] = []

    def one() -> float:
        bare.append(uvloop.run(nchf_runs.charge(alone, 64, SECONDS)))
        made.append(uvloop.run(nchf_runs.charge(door, 64, SECONDS)))
        return made[-1].rate

    try:
        one()  # warm
        pairs = interleaved(one, lambda: run(charges.charges(ground, 64, SECONDS)))
        results.add_pairs(
            "nchf_64",
            pairs,
            p50_ms=round(statistics.median(load.p50_ms for load in made[1:]), 2),
            p99_ms=round(statistics.median(load.p99_ms for load in made[1:]), 2),
            protocol_alone=round(statistics.median(load.rate for load in bare[1:]), 1),
            cpu_ms=round(statistics.median(load.cpu_ms for load in made[1:]), 2),
            protocol_cpu_ms=round(statistics.median(load.cpu_ms for load in bare[1:]), 2),
        )
    finally:
        door.stop()
        alone.stop()


def measure_sms(ground: Ground, results: Results) -> None:
    """Measure SMS submitted, and from the outbox to their receipts, against a bare socket."""
    plain = sms_runs.Smsc.start(ground.folder, receipts=False)
    telling = sms_runs.Smsc.start(ground.folder, receipts=True)
    try:
        for smsc in (plain, telling):
            run(sms_runs.bare(smsc))  # node warms up
        results.add_pairs(
            "sms_submitted",
            interleaved(lambda: run(sms_runs.submit(plain)), lambda: run(sms_runs.bare(plain))),
            unanswered=sms_runs.WINDOW,
        )
        results.add_pairs(
            "sms_outbox",
            interleaved(
                lambda: run(sms_runs.outbox(ground, telling)), lambda: run(sms_runs.bare(plain))
            ),
        )
    finally:
        plain.stop()
        telling.stop()


def measure_tariff(ground: Ground, results: Results) -> None:
    """Measure prices looked up in 200,000 prefixes, and a file of as many loaded."""
    look_ups = tariff_runs.LookUps()
    look_ups.longest_prefix()  # warm
    pairs = interleaved(look_ups.longest_prefix, look_ups.dict_get)
    quotes = [look_ups.quote() for _ in range(PAIRS)]
    results.add(
        "tariff_lookup",
        statistics.median(value for value, _ in pairs),
        "microseconds",
        statistics.median(against for _, against in pairs),
        statistics.median(value / against for value, against in pairs),
        quote=round(statistics.median(quotes), 2),
    )
    loaded, read, peak = uvloop.run(tariff_runs.load_large(ground, ground.folder))
    results.add("tariff_load_s", loaded, "seconds", book_s=round(read, 2), peak_mb=round(peak))


def measure_diameter(ground: Ground, results: Results) -> None:
    """Measure credit control over Diameter against the engine alone, and the protocol alone."""
    run(diameter_runs.give_credit(ground))
    charging = diameter_runs.Charging(ground)
    bare = diameter_runs.Charging(ground, alone=True)
    loads: list[Load] = []
    alone: list[float] = []

    def one(server: diameter_runs.Charging = charging) -> Load:
        return uvloop.run(diameter_runs.over_diameter(server, 64, SECONDS))

    def measured() -> float:
        alone.append(one(bare).rate)
        loads.append(one())
        return loads[-1].rate

    try:
        one()  # warm
        one(bare)
        pairs = interleaved(
            measured, lambda: run(diameter_runs.by_the_engine(ground, 64, SECONDS))
        )
        results.add_pairs(
            "diameter_64",
            pairs,
            **_latencies(loads),
            protocol_alone=round(statistics.median(alone), 1),
        )
    finally:
        charging.stop()
        bare.stop()


def measure_usage(ground: Ground, results: Results) -> None:
    """Measure a file of call records charged, and the same file again. RECORDS: how many."""
    run(charges.give_credit(ground))
    path = ground.folder / "records.csv"
    usage_runs.write_records(path, RECORDS, ground.lines)
    charged = uvloop.run(usage_runs.charge_file(ground, path, RECORDS))
    results.add(
        "usage_import",
        charged.rate,
        "per second",
        records=RECORDS,
        again=round(charged.again),
        grown_mb=round(charged.grown_mb, 1),
    )


def measure_vouchers(ground: Ground, results: Results) -> None:
    """Measure a million codes generated, digested and stored."""
    seconds = make_million(ground)
    results.add("voucher_million_s", seconds, "seconds", peak_mb=round(PEAK.mb, 1))


def measure_rss(ground: Ground, results: Results) -> None:
    """Measure the server's memory after a million requests, a tenth of them top-ups."""
    server = Server(ground)
    try:
        server.top_ups(64, SECONDS)
        before, requests = server.rss_mb, 0.0
        while requests < 100_000:
            requests += server.top_ups(256, 5).rate * 5
        top_ups = requests
        while requests < 1_000_000:
            requests += server.mistyped(64, 5).rate * 5
        results.add(
            "server_rss_mb",
            server.rss_mb,
            "MB",
            before,
            server.rss_mb / before,
            requests=round(requests),
            top_ups=round(top_ups),
        )
    finally:
        server.stop()


def measure_growth(ground: Ground, results: Results) -> None:
    """Measure redemptions on 10 million cards and a million lines against a tenth and less."""
    small = run(make_ground(150_000))
    small_server: Server | None = None
    try:
        grow(ground, cards=CARDS, lines=CROWD)
        small_server, big_server = Server(small), Server(ground)
        try:
            for server in (small_server, big_server):
                server.redemptions(64, SECONDS, server.ground.take_codes(24_000))
            pairs = interleaved(
                lambda: big_server.redemptions(64, SECONDS, ground.take_codes(24_000)).rate,
                lambda: small_server.redemptions(64, SECONDS, small.take_codes(24_000)).rate,
            )
            results.add_pairs("growth", pairs)
        finally:
            big_server.stop()
            small_server.stop()
    finally:
        small.close()


def measure_console(ground: Ground, results: Results) -> None:
    """Measure the search box on ten million cards and a million lines; filled if they are not."""
    if ground.lines < CROWD:
        grow(ground, cards=CARDS, lines=CROWD)
    run(console_runs.fill(ground))
    who = uvloop.run(console_runs.hire(ground))
    batch = uvloop.run(console_runs.largest_batch(ground))
    took = console_runs.search_ms(ground, who, batch)
    results.add(
        "console_search_ms",
        statistics.median(took),
        "ms",
        p95_ms=round(console_runs.percentile(took, 95), 1),
        worst_ms=round(max(took), 1),
        look_ups=len(took),
    )


def measure_finance(_: Ground, results: Results) -> None:
    """Measure the pages of finance and the console's lists on ten million cards with a past.

    On a ground of its own: where credit was given straight in the tables, no day can be closed.
    """
    ground = run(make_ground(1000))
    try:
        grow(ground, cards=CARDS, lines=CROWD)
        run(finance_runs.fill(ground))
        results.add("sweep_scan_ms", run(finance_runs.sweep_ms(ground)), "ms", lines=ground.lines)
        looked = finance_runs.look(ground)
        for name, milliseconds in looked.took.items():
            results.add(name, milliseconds, "ms")
        results.add("finance_rss_mb", looked.rss_mb, "MB", first=round(looked.first_rss_mb, 1))
    finally:
        ground.close()


def _latencies(loads: list[Load]) -> dict[str, float]:
    return {
        "p50_ms": round(statistics.median(load.p50_ms for load in loads), 2),
        "p99_ms": round(statistics.median(load.p99_ms for load in loads), 2),
    }


def main(wanted: list[str]) -> None:
    """Run the wanted parts, all when none is named."""
    began = time.monotonic()
    parts = wanted or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"there is no {', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}")
    results = Results(Path("bench.json"))
    ground = run(make_ground(CODES if {"redeem", "growth"} & set(parts) else 1000))
    try:
        run(reference.install(ground))
        measures = {
            "engine": measure_engine,
            "dealers": measure_dealers,
            "http": measure_http,
            "hot": measure_hot,
            "redeem": measure_redemptions,
            "pay": measure_payments,
            "packages": measure_packages,
            "calls": measure_calls,
            "dialogue": measure_dialogue,
            "nchf": measure_nchf,
            "diameter": measure_diameter,
            "usage": measure_usage,
            "sms": measure_sms,
            "vouchers": measure_vouchers,
            "rss": measure_rss,
            "growth": measure_growth,
            "console": measure_console,
            "tariff": measure_tariff,
            "finance": measure_finance,
        }
        for part in PARTS:
            if part in parts:
                started = time.monotonic()
                measures[part](ground, results)
                print(f"{part} took {time.monotonic() - started:.0f} s", flush=True)
    finally:
        ground.close()
    print(f"the whole in {(time.monotonic() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main(sys.argv[1:])
