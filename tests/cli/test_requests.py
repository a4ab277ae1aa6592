"""The command line under four eyes: it asks once two people work here who could decide."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tambah.engine.approving import agree
from tambah.store.database import Database
from tambah.store.staff import list_staff
from tests.conftest import Fresh

from .conftest import Tambah

WHY = ("--reason", "outage", "--json")
LINES = "msisdn,active_until,balance\n60123456789,2099-12-31,10.00\n"


def at(fresh: Fresh, work: Callable[[Database], Awaitable[Any]]) -> Any:
    """Do something with the database."""

    async def run() -> Any:
        database = Database(fresh.dsn)
        await database.open(readers=1)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


@pytest.fixture
def two(tambah: Tambah, environment: Fresh) -> None:
    """Have two people work here who may decide everything that is asked for below."""
    roles = ("--role", "finance", "--role", "administrator", "--role", "warehouse")
    for name in ("ada", "eve"):
        assert tambah("staff", "add", name, *roles, *WHY).status == 0

    async def accept(database: Database) -> None:
        await database.execute(
            "UPDATE staff SET state = 2, password = 'argon2', totp = '\\x00'::bytea"
        )

    at(environment, accept)


def approve(fresh: Fresh, number: int) -> None:
    """Have Ada agree to a request."""

    async def work(database: Database) -> None:
        ada = next(one for one in await list_staff(database) if one.name == "ada")
        await agree(database, number, ada, "", datetime.now(UTC))

    at(fresh, work)


@pytest.mark.usefixtures("two")
def test_an_invitation_is_asked_for_and_collected_once(tambah: Tambah, environment: Fresh) -> None:
    asked = tambah("staff", "add", "amy", "--role", "care", *WHY).document
    assert (asked["state"], asked["deed"]) == ("waiting", "invite_staff")
    early = tambah("requests", "collect", str(asked["request"]), "--json")
    assert early.error == "approval_waiting"
    approve(environment, asked["request"])

    collected = tambah("requests", "collect", str(asked["request"]), "--json")

    assert collected.document["invitation"].startswith("/console/invitation/")
    again = tambah("requests", "collect", str(asked["request"]), "--json")
    assert again.error == "approval_over"
    listed = tambah("requests", "list", "--json").document["items"]
    assert [(one["state"], one["decided_by"]) for one in listed] == [("done", "staff:ada")]


@pytest.mark.usefixtures("two")
def test_money_and_roles_wait(tambah: Tambah, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(LINES)
    assert tambah("lines", "import", str(path), *WHY).status == 0
    partner = tambah("partners", "add", "Demo shop", *WHY).document["partner"]

    little = tambah("lines", "adjust", "60123456789", "5.00", *WHY)
    assert little.err == ""
    assert little.document["balance"] == "15.00"
    much = tambah("lines", "adjust", "60123456789", "8.00", *WHY).document
    assert (much["state"], much["params"]["amount_micros"]) == ("waiting", 8_000_000)
    funded = tambah("partners", "fund", str(partner), "50.00", "--reference", "B1", *WHY)
    assert funded.document["deed"] == "fund_partner"
    roles = tambah("staff", "roles", "eve", "--role", "care", *WHY).document
    assert roles["params"] == {"name": "eve", "roles": ["care"]}

    shown = tambah("requests", "show", str(much["request"]))
    assert f"Put credit right #{much['request']}: " in shown.out
    assert "Credit: RM15.00 → RM23.00" in shown.out
    assert "Asked for by: cli:" in shown.out
    assert "MYT" in shown.out
    assert "micros" not in shown.out
    withdrawn = tambah("requests", "withdraw", str(much["request"]), "--json").document
    assert withdrawn["state"] == "withdrawn"
    assert tambah("requests", "withdraw", "999", "--json").error == "approval_unknown"
    assert tambah("lines", "show", "60123456789", "--json").document["balance"] == "15.00"


@pytest.mark.usefixtures("two")
def test_cards_wait_too_but_a_lock_does_not(tambah: Tambah, environment: Fresh) -> None:
    assert tambah("vouchers", "generate", "11.00", "5", *WHY).error == "denomination_unknown"
    made = tambah("vouchers", "generate", "10.00", "5", *WHY).document
    assert made["deed"] == "generate_batch"

    async def count(database: Database) -> int:
        return await database.fetch_value("SELECT count(*) FROM voucher_batch")

    assert at(environment, count) == 0
    for command in (("release", "1"), ("close", "1"), ("void", "1"), ("export", "1", "file")):
        assert tambah("vouchers", *command, *WHY).error == "batch_unknown"
    assert tambah("vouchers", "lock", "1", *WHY).error == "batch_unknown"


def test_before_two_work_here_the_command_line_does_as_it_is_told(tambah: Tambah) -> None:
    assert "invitation" in tambah("staff", "add", "amy", "--role", "care", *WHY).document
    assert tambah("requests", "list").out == "There is none.\n"


@pytest.mark.usefixtures("two")
def test_an_agreement_and_much_float_are_asked_for(tambah: Tambah) -> None:
    north = tambah("dealers", "add", "North", "--kind", "distributor", *WHY).document["dealer"]
    shop_of = ("--kind", "shop", "--parent", north)
    shop = tambah("dealers", "add", "Kedai Ali", *shop_of, *WHY).document["dealer"]

    asked = tambah("dealers", "agreement", north, "6", "--paid-as", "margin", *WHY).document
    assert (asked["state"], asked["deed"]) == ("waiting", "change_agreement")
    assert tambah("dealers", "show", north, "--json").document["agreements"] == []
    move = ("dealers", "move-float", north, shop)
    much = tambah(*move, "10.01", "--reference", "m1", *WHY).document
    assert (much["state"], much["deed"]) == ("waiting", "move_float")
    little = tambah(*move, "10.00", "--reference", "m1", *WHY)
    assert little.error == "float_too_low"  # one may, if only there were float


@pytest.mark.usefixtures("two")
def test_a_dealer_with_terms_waits_for_a_second(tambah: Tambah, environment: Fresh) -> None:
    plain = tambah("dealers", "add", "Utara", "--kind", "distributor", *WHY).document
    assert plain["name"] == "Utara"
    add = ("dealers", "add", "Selatan", "--kind", "distributor")
    asked = tambah(*add, "--rate", "6", "--credit-limit", "50.00", *WHY).document
    assert (asked["deed"], asked["state"]) == ("add_dealer", "waiting")
    assert len(tambah("dealers", "tree", "--json").document["dealers"]) == 1
    twice = tambah("dealers", "add", "utara", "--kind", "distributor", "--rate", "6", *WHY)
    assert twice.error == "dealer_exists"

    approve(environment, asked["request"])

    shown = tambah("requests", "show", str(asked["request"]), "--json").document
    assert shown["state"] == "approved"


@pytest.mark.usefixtures("two")
def test_much_commission_is_asked_for(tambah: Tambah, environment: Fresh) -> None:
    shop = tambah("dealers", "add", "Kedai Ali", "--kind", "shop", *WHY).document["dealer"]

    async def owe(micros: int, database: Database) -> None:
        await database.execute(
            """
            INSERT INTO commission (partner_id, payer_id, payer_seq, is_undo, seller_id, at,
                                    amount_micros, paid_as)
            VALUES ($1, $1, $2, false, $1, now() - interval '2 days', $3, 2)
            """,
            shop,
            micros // 1_000_000,
            micros,
        )

    run = ("dealers", "pay-commission", "--until", "2099-12-31")
    assert tambah(*run, *WHY).document["paid"] == []
    at(environment, partial(owe, 10_000_000))
    at(environment, partial(owe, 1_000_000))

    asked = tambah(*run, *WHY).document

    assert (asked["deed"], asked["state"]) == ("pay_commission", "waiting")
    assert asked["params"]["sum_micros"] == 11_000_000
    shown = tambah("requests", "show", asked["request"]).out
    assert f"Kedai Ali ({shop}): RM11.00" in shown
