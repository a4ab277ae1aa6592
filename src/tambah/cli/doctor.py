"""tambah doctor: what is wrong with an installation, before a subscriber finds out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from ipaddress import ip_network

import click
import rich_click

from tambah.app import DEMO_OPERATOR, Base, check_peppers, read_keys, read_rules
from tambah.cli.desk import with_base
from tambah.cli.frame import Answer, answering, describe, run
from tambah.config import (
    SMS_GATEWAYS,
    ConfigError,
    DiameterEntry,
    Operator,
    Settings,
    check_diameter,
    check_gateways,
    check_payments,
    has_gateway,
    read_gateway_secrets,
    read_operator,
)
from tambah.domain.rules import Rules
from tambah.engine.vouchers import Odds, work_out_odds
from tambah.store.database import CONNECTION_LOST, Database
from tambah.store.migrate import HEAD, current_version
from tambah.store.stamps import read_stamps
from tambah.store.views.health import outbox_lag_seconds, plans_in_use
from tambah.store.views.server import months_ahead, read_server, strays, tables_open_to_change
from tambah.store.views.stock import read_exposure

_OLDEST_SERVER = 150_000
_MOST_SKEW_SECONDS = 2.0
_MOST_LAG_SECONDS = 300.0
_LEAST_MONTHS_AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. is_advice: it runs so, and is hardly meant so."""

    name: str
    is_good: bool
    detail: str
    is_advice: bool = False

    @property
    def word(self) -> str:
        """What stands in front of it."""
        return "WRONG" if not self.is_good else "look " if self.is_advice else "ok   "


@click.command(cls=rich_click.RichCommand)
@answering
def doctor() -> Answer:
    """Check the installation and say what is wrong. Exit 1 if anything is."""
    checks, odds = with_base(lambda base: run(_examine(base)))
    wrong = [check for check in checks if not check.is_good]
    lines = [f"{c.word}  {c.name}: {c.detail}" for c in checks]
    document: dict[str, object] = {"checks": [asdict(c) for c in checks], "wrong": len(wrong)}
    if odds is not None:
        lines += ["", *_odds_in_words(odds)]
        document["odds"] = asdict(odds)
    return Answer(document=document, text="\n".join(lines), is_wrong=bool(wrong))


async def _examine(base: Base) -> tuple[list[Check], Odds | None]:
    """Check one thing after another; what cannot be reached ends the list."""
    checks = [_proxies(base)]
    try:
        version = await current_version(base.owner_dsn)
    except CONNECTION_LOST as error:
        checks.append(Check(name="database", is_good=False, detail=f"{type(error).__name__}"))
        return checks, None
    checks.append(_schema(version))
    if version != HEAD:
        return checks, None
    database = base.database()
    await database.open(readers=1)
    try:
        for look in (_server, _clock, _rights, _partitions, _outbox):
            checks += await look(database)
        rules = await _rules(base, database, checks)
        await _pepper(base, database, checks)
        if rules is None:
            return checks, None
        exposure = await read_exposure(database, datetime.now(UTC))
        return checks, work_out_odds(exposure, rules.guessing)
    finally:
        await database.close()


def _proxies(base: Base) -> Check:
    trusted = base.settings.trusted_proxies.replace(",", " ").split()
    try:
        networks = [ip_network(entry, strict=False) for entry in trusted]
    except ValueError:
        detail = "TAMBAH_TRUSTED_PROXIES has an entry that is no address or network"
        return Check(name="proxies", is_good=False, detail=detail)
    if any(network.prefixlen == 0 for network in networks):
        detail = "TAMBAH_TRUSTED_PROXIES trusts everybody: guessing cannot be held to an address"
        return Check(name="proxies", is_good=False, detail=detail)
    detail = f"{len(networks)} trusted" if networks else "nobody's forwarded address is believed"
    alone = not networks and base.settings.public_url.startswith("https://")
    if alone:
        detail += (
            ". TAMBAH_PUBLIC_URL is https, so a proxy stands in front: until it is named in"
            " TAMBAH_TRUSTED_PROXIES all the world is one address, and one guesser locks all out"
        )
    return Check(name="proxies", is_good=True, detail=detail, is_advice=alone)


def _schema(version: str | None) -> Check:
    good = version == HEAD
    detail = f"version {version or 'none'}" + ("" if good else f"; run `tambah migrate` to {HEAD}")
    return Check(name="tables", is_good=good, detail=detail)


async def _server(database: Database) -> list[Check]:
    server = await read_server(database)
    checks = [
        Check(
            name="database",
            is_good=server.version_number >= _OLDEST_SERVER,
            detail=f"PostgreSQL {server.version}",
        )
    ]
    settings = {
        "fsync": server.fsync,
        "full_page_writes": server.full_page_writes,
        "synchronous_commit": server.synchronous_commit,
    }
    for name, value in settings.items():
        # remote_apply and remote_write wait for a second server as well.
        good = value != "off" and value != "local"
        checks.append(Check(name=name, is_good=good, detail=value))
    return checks


async def _clock(database: Database) -> list[Check]:
    before = datetime.now(UTC)
    server = await read_server(database)
    after = datetime.now(UTC)
    skew = (server.clock - (before + (after - before) / 2)).total_seconds()
    detail = f"the database's is {skew:+.3f} seconds from this machine's"
    return [Check(name="clock", is_good=abs(skew) <= _MOST_SKEW_SECONDS, detail=detail)]


async def _rights(database: Database) -> list[Check]:
    tables = await tables_open_to_change(database)
    if not tables:
        detail = "the books and the audit trail can be added to, never changed"
        return [Check(name="rights", is_good=True, detail=detail)]
    detail = (
        f"the product's role may change {', '.join(tables[:3])}: give it a role of its own in"
        " TAMBAH_DATABASE_URL, the owner's in TAMBAH_OWNER_DATABASE_URL, then `tambah migrate`"
    )
    return [Check(name="rights", is_good=False, detail=detail)]


async def _partitions(database: Database) -> list[Check]:
    ahead, stray = await months_ahead(database), await strays(database)
    good = ahead >= _LEAST_MONTHS_AHEAD and stray == 0
    detail = f"transfers have partitions for {ahead} months ahead"
    if stray:
        detail += f"; {stray} or more lie in none"
    if not good:
        detail += "; run `tambah migrate`"
    return [Check(name="partitions", is_good=good, detail=detail)]


async def _outbox(database: Database) -> list[Check]:
    lag = await outbox_lag_seconds(database, datetime.now(UTC))
    good = lag <= _MOST_LAG_SECONDS
    detail = f"the oldest message waits for {lag:.0f} seconds" if lag else "no message waits"
    return [Check(name="outbox", is_good=good, detail=detail)]


async def _rules(base: Base, database: Database, checks: list[Check]) -> Rules | None:
    try:
        stamps = await read_stamps(database)
        is_demo = stamps.get("demo") == "yes"
        operator, rules = read_rules(base.settings, demo=is_demo)
    except ConfigError as error:
        checks.append(Check(name="operator", is_good=False, detail=describe(error)[1]))
        return None
    checks.append(Check(name="operator", is_good=True, detail=operator.brand.name))
    gone = sorted(await plans_in_use(database) - set(operator.plans))
    if gone:
        detail = f"lines have {', '.join(gone)}, which operator.toml does not name any more"
        checks.append(Check(name="plans", is_good=True, detail=detail, is_advice=True))
    if not is_demo:
        checks += _left_of_examples(operator)
    checks += [_payments(operator, base.settings, demo=is_demo), _gateways(operator, demo=is_demo)]
    if operator.diameter is not None:
        checks.append(_diameter(operator.diameter))
    return rules


def _unless_refused(check: Check, look: Callable[[], None]) -> Check:
    """Return the check if nothing is refused, else what is."""
    try:
        look()
    except ConfigError as error:
        return Check(name=check.name, is_good=False, detail=describe(error)[1])
    return check


def _left_of_examples(operator: Operator) -> list[Check]:
    """Find what still is our examples': an account there is paid into by nobody's customers."""
    demo = read_operator(DEMO_OPERATOR)
    names = ("brand", "social", "promotions", "packages", "bank", "diameter")
    pairs = [(name, getattr(operator, name), getattr(demo, name)) for name in names]
    left = [name for name, mine, theirs in pairs if mine and mine == theirs]
    if not left:
        return []
    detail = f"operator.toml has the demo's {', '.join(left)}: make them yours or take them out"
    return [Check(name="examples", is_good="bank" not in left, detail=detail, is_advice=True)]


def _payments(operator: Operator, settings: Settings, *, demo: bool) -> Check:
    methods = ", ".join(operator.payments.methods)
    found = Check(name="payments", is_good=True, detail=methods or "nobody pays here")
    return _unless_refused(found, lambda: check_payments(operator, settings, demo=demo))


def _diameter(entry: DiameterEntry) -> Check:
    found = Check(name="diameter", is_good=True, detail=f"{entry.host} at {entry.listen}")
    return _unless_refused(found, lambda: check_diameter(entry))


def _gateways(operator: Operator, *, demo: bool) -> Check:
    """Check that what carries messages and calls can be used, and by nobody else."""
    named = ", ".join(f"{entry.name} ({entry.kind})" for entry in operator.gateways) or "none"
    sends = demo or has_gateway(operator.gateways, SMS_GATEWAYS)
    if not sends:
        named += ": messages wait, and nobody can sign in to /account"
    found = Check(name="gateways", is_good=True, detail=named, is_advice=not sends)
    return _unless_refused(
        found, lambda: check_gateways(operator.gateways, read_gateway_secrets())
    )


async def _pepper(base: Base, database: Database, checks: list[Check]) -> None:
    try:
        await check_peppers(database, read_keys(base.settings, base.data_dir, make=False))
    except ConfigError as error:
        checks.append(Check(name="pepper", is_good=False, detail=describe(error)[1]))
    else:
        checks.append(Check(name="pepper", is_good=True, detail="the one of this database"))


def _odds_in_words(odds: Odds) -> list[str]:
    return [
        f"Codes that would redeem now: {odds.live_vouchers}; lines: {odds.lines}.",
        f"One guess finds one with a chance of {_one_in(odds.chance_per_guess)}.",
        f"The lock-outs leave {odds.guesses_per_line:,.0f} guesses a year on one line:"
        f" {_one_in(odds.chance_per_own_line)}.",
        f"Over all lines {odds.guesses_per_year:,.0f} guesses a year:"
        f" {_one_in(odds.chance_per_year)} that any finds one.",
    ]


def _one_in(chance: float) -> str:
    return f"1 in {1 / chance:,.0f}" if chance > 0 else "none"
