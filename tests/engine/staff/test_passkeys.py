"""Passkeys on a real database: made, shown once to what was asked, counted, taken away."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tambah.domain.records import replace
from tambah.domain.refusals import (
    FieldMissing,
    InvitationUnknown,
    LastSecondFactor,
    PasskeyNotAccepted,
    PasskeyUnknown,
    PasswordTooWeak,
    Refusal,
    StaffSignInWrong,
)
from tambah.domain.staff import Role, StaffRule
from tambah.engine.keys import Keys
from tambah.engine.staff import (
    Asked,
    Proof,
    RelyingParty,
    Shown,
    Try,
    accept_with_passkey,
    add_passkey,
    creation_options,
    find_invited,
    invite,
    invite_again,
    prove_again,
    relying_party,
    remove_passkey,
    request_options,
    session_digest,
    sign_in,
)
from tambah.store.database import ConstraintViolation, Database
from tambah.store.staff import read_account
from tambah.store.staff_passkeys import list_passkeys
from tambah.store.staff_sessions import Seated, prune_staff_sessions, read_seated

from .authenticator import Authenticator
from .people import ADMIN, PASSWORD, Person, hire

NOW = datetime.now(UTC)
RULE = StaffRule(ladder=((3, 15), (6, 60)))
ORIGIN = "https://testel.example"
PARTY = RelyingParty(rp_id="testel.example", origin=ORIGIN, name="Testel")
SIGN_IN = Asked(party=PARTY, purpose="sign in")


@dataclass
class Bench:
    """A database, and somebody with an authenticator app who is signed in."""

    database: Database
    keys: Keys
    mina: Person
    seated: Seated

    async def added(self, key: Authenticator, name: str = "blue key", **changed: Any) -> None:
        """Have Mina add a passkey."""
        options = creation_options(self.keys, ADDING, self.seated.staff, [], NOW)
        shown = Shown(asked=ADDING, sent=key.create(options, **changed))
        await add_passkey(self.database, self.keys, self.seated, shown, name=name, now=NOW)

    def show(self, key: Authenticator, **changed: Any) -> Shown:
        """Return a passkey shown at the door."""
        return Shown(
            asked=SIGN_IN,
            sent=key.show(request_options(self.keys, SIGN_IN, [], NOW), **changed),
        )

    async def entered(self, shown: Shown, *, now: datetime = NOW, **typed: Any) -> bool:
        """Say whether Mina comes in with a passkey."""
        tried = Try(**({"name": "mina", "password": PASSWORD, "passkey": shown} | typed))
        session = session_digest(self.keys, f"{now} {shown.sent} {typed}")
        try:
            await sign_in(self.database, self.keys, RULE, tried, session=session, now=now)
        except StaffSignInWrong:
            return False
        return True

    async def wrong_tries(self) -> int:
        """Return how many wrong tries in a row stand at the account."""
        account = await read_account(self.database, "mina")
        assert account is not None
        return account.staff.wrong


ADDING = Asked(party=PARTY, purpose="add", bound_to=b"session")


@pytest.fixture
async def bench(database: Database, keys: Keys) -> Bench:
    """Return Mina, signed in by her authenticator app."""
    mina = await hire(database, keys, "mina", [Role.CARE], now=NOW)
    digest = session_digest(keys, "mina's")
    tried = Try(name="mina", password=PASSWORD, code=mina.code(NOW))
    await sign_in(database, keys, RULE, tried, session=digest, now=NOW)
    seated = await read_seated(database, digest)
    assert seated is not None
    return Bench(database, keys, mina, seated)


async def rows_of(database: Database) -> list[tuple[str, str]]:
    """Return what the audit trail says was done, and what came of it."""
    rows = await database.fetch("SELECT action, after::text FROM audit ORDER BY day, seq")
    return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize(
    "key", [Authenticator(ORIGIN), Authenticator(ORIGIN, has_statement=True)], ids=["none", "self"]
)
async def test_a_passkey_is_added_and_opens_the_door_with_the_password(
    bench: Bench, key: Authenticator
) -> None:
    await bench.added(key)

    assert await bench.entered(bench.show(key))
    assert await bench.entered(bench.show(key))
    [kept] = await list_passkeys(bench.database, bench.seated.staff.staff_id)
    assert (kept.name, kept.sign_count, kept.used_at) == ("blue key", 3, NOW)
    assert [
        json.loads(after) for action, after in await rows_of(bench.database) if action == "SignIn"
    ] == [
        {"with": "authenticator"},
        {"with": "passkey"},
        {"with": "passkey"},
    ]
    assert ("AddPasskey", '{"passkey":"blue key","passkeys":1}') in await rows_of(bench.database)


async def test_a_passkey_without_a_counter_is_good_again_and_again(bench: Bench) -> None:
    key = Authenticator(ORIGIN, counts=False)
    await bench.added(key)

    assert [await bench.entered(bench.show(key)) for _ in range(2)] == [True, True]


async def test_a_passkey_alone_opens_nothing(bench: Bench) -> None:
    key = Authenticator(ORIGIN)
    await bench.added(key)

    assert not await bench.entered(bench.show(key), password="not the password")
    assert not await bench.entered(bench.show(key), password="")
    assert not await bench.entered(bench.show(key), name="nobody")
    assert await bench.wrong_tries() == 2


async def test_what_is_wrong_about_a_passkey_counts_as_a_wrong_try(bench: Bench) -> None:
    key, strangers = Authenticator(ORIGIN), Authenticator(ORIGIN, rp_id=PARTY.rp_id)
    await bench.added(key)
    right = bench.show(key)
    wrong = [
        bench.show(strangers),
        bench.show(replace_key(key, strangers)),
        bench.show(key, origin="https://evil.example"),
        bench.show(key, origin="https://testel.example:8443"),
        bench.show(key, type="webauthn.create"),
        bench.show(key, challenge="AAAA"),
        Shown(asked=SIGN_IN, sent=key.show(request_options(bench.keys, ADDING, [], NOW))),
        Shown(asked=SIGN_IN, sent="{}"),
        Shown(asked=SIGN_IN, sent="[" * 9_000),
        Shown(asked=SIGN_IN, sent=""),
    ]
    for shown in wrong:
        assert not await bench.entered(shown), shown.sent
        assert await bench.wrong_tries() == 1
        assert await bench.entered(bench.show(key)), "a right one forgets the wrong ones"
    assert not await bench.entered(right), "its counter is behind by now"


def replace_key(key: Authenticator, other: Authenticator) -> Authenticator:
    """Return an authenticator that says it is one, and signs as another."""
    liar = Authenticator(key.origin, rp_id=key.rp_id, credential=key.credential, key=other.key)
    liar.handle, liar.count = key.handle, 1_000
    return liar


@pytest.mark.parametrize("what", ["rp_id", "is_verified", "handle"])
async def test_another_site_an_unknown_finger_or_another_person_is_refused(
    bench: Bench, what: str
) -> None:
    key = Authenticator(ORIGIN)
    await bench.added(key)
    setattr(key, what, {"rp_id": "evil.example", "is_verified": False, "handle": b"other"}[what])

    assert not await bench.entered(bench.show(key))


async def test_an_answer_is_good_once_and_for_five_minutes(bench: Bench) -> None:
    key = Authenticator(ORIGIN, counts=False)
    await bench.added(key)
    shown, late = bench.show(key), bench.show(key)

    assert await bench.entered(shown)
    assert not await bench.entered(shown), "replayed"
    assert not await bench.entered(late, now=NOW + timedelta(minutes=5))
    both = bench.show(key)
    came = await asyncio.gather(
        *(bench.entered(both, now=NOW + timedelta(seconds=n)) for n in range(2))
    )
    assert sorted(came) == [False, True]


async def test_a_wrong_try_uses_up_what_was_asked(bench: Bench) -> None:
    key = Authenticator(ORIGIN, counts=False)
    await bench.added(key)
    options = request_options(bench.keys, SIGN_IN, [], NOW)
    spoiled = Shown(asked=SIGN_IN, sent=key.show(options, origin="https://evil.example"))

    assert not await bench.entered(spoiled)
    assert not await bench.entered(Shown(asked=SIGN_IN, sent=key.show(options)))
    assert await prune_staff_sessions(bench.database, NOW + timedelta(minutes=6)) == 2


async def test_a_counter_that_does_not_rise_is_refused_and_told(bench: Bench) -> None:
    key = Authenticator(ORIGIN)
    await bench.added(key)
    copied = replace_key(key, key)
    copied.count = 0
    assert await bench.entered(bench.show(key))

    assert not await bench.entered(bench.show(copied)), "the same counter as at the last use"
    assert await bench.wrong_tries() == 1
    [told] = await bench.database.fetch(
        "SELECT who, why, before::text, after::text FROM audit WHERE action = 'RefusePasskey'"
    )
    assert tuple(told) == (
        "staff:mina",
        "its counter did not rise: two may have the key",
        '{"count":2,"passkey":"blue key"}',
        '{"count":1}',
    )


async def test_wrong_passkeys_climb_the_ladder_and_a_right_one_waits_too(bench: Bench) -> None:
    key = Authenticator(ORIGIN)
    await bench.added(key)
    for _ in range(3):
        assert not await bench.entered(Shown(asked=SIGN_IN, sent="nonsense"))

    assert not await bench.entered(bench.show(key)), "locked for a quarter of an hour"
    actions = [action for action, _ in await rows_of(bench.database)]
    assert actions[-1] == "LockStaff"


async def test_money_moves_after_a_passkey_too(bench: Bench) -> None:
    key, later = Authenticator(ORIGIN), NOW + timedelta(minutes=20)
    await bench.added(key)
    asked = Asked(party=PARTY, purpose="prove", bound_to=bench.seated.session.digest)
    having = await list_passkeys(bench.database, bench.seated.staff.staff_id)
    options = request_options(bench.keys, asked, having, later)
    assert [one["id"] for one in json.loads(options)["allowCredentials"]] == [
        json.loads(bench.show(key).sent)["id"]
    ]

    async def prove(shown: Shown) -> None:
        await prove_again(
            bench.database, bench.keys, RULE, bench.seated, Proof(shown=shown), now=later
        )

    for elsewhere in (SIGN_IN, Asked(party=PARTY, purpose="prove", bound_to=b"another session")):
        with pytest.raises(StaffSignInWrong):
            await prove(
                Shown(
                    asked=asked, sent=key.show(request_options(bench.keys, elsewhere, [], later))
                )
            )
    await prove(Shown(asked=asked, sent=key.show(options)))
    proved = await read_seated(bench.database, bench.seated.session.digest)
    assert proved is not None
    assert proved.session.proved_at == later


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "https://evil.example"},
        {"type": "webauthn.get"},
        {"challenge": "AAAA"},
        {"challenge": 7},
    ],
)
async def test_a_passkey_made_elsewhere_is_not_added(
    bench: Bench, changed: dict[str, Any]
) -> None:
    with pytest.raises(PasskeyNotAccepted):
        await bench.added(Authenticator(ORIGIN), **changed)
    assert await list_passkeys(bench.database, bench.seated.staff.staff_id) == []


async def test_a_passkey_is_nobodys_yet_verified_and_has_a_name(bench: Bench) -> None:
    key = Authenticator(ORIGIN)
    await bench.added(key)

    for refused, wanted in (
        ({"key": key}, PasskeyNotAccepted),
        ({"key": Authenticator(ORIGIN, is_verified=False)}, PasskeyNotAccepted),
        ({"key": Authenticator(ORIGIN, rp_id="evil.example")}, PasskeyNotAccepted),
        ({"key": Authenticator(ORIGIN), "name": " "}, FieldMissing),
    ):
        with pytest.raises(wanted):
            await bench.added(**refused)
    assert len(await list_passkeys(bench.database, bench.seated.staff.staff_id)) == 1


async def test_ten_passkeys_are_enough(bench: Bench) -> None:
    for number in range(10):
        await bench.added(Authenticator(ORIGIN), f"key {number}")

    with pytest.raises(PasskeyNotAccepted):
        await bench.added(Authenticator(ORIGIN), "key 10")


async def test_a_removed_passkey_opens_nothing(bench: Bench) -> None:
    key, other = Authenticator(ORIGIN), Authenticator(ORIGIN)
    await bench.added(key, "blue key")
    await bench.added(other, "red key")
    # By name: added at one instant, they have no order.
    found = await list_passkeys(bench.database, bench.seated.staff.staff_id)
    ids = {one.name: one.passkey_id for one in found}

    await remove_passkey(bench.database, bench.seated, ids["blue key"])
    assert not await bench.entered(bench.show(key))
    assert await bench.entered(bench.show(other))
    with pytest.raises(PasskeyUnknown):
        await remove_passkey(bench.database, bench.seated, ids["blue key"])
    await remove_passkey(bench.database, bench.seated, ids["red key"])
    actions = [action for action, _ in await rows_of(bench.database)]
    assert actions.count("RemovePasskey") == 2


async def invited_with(database: Database, keys: Keys, key: Authenticator) -> list[str]:
    """Have somebody accept an invitation with a passkey; return their recovery codes."""
    path = await invite(database, keys, "mina", [Role.CARE], actor=ADMIN)
    invited = await find_invited(database, keys, path.rpartition("/")[2], NOW)
    asked = Asked(party=PARTY, purpose="invitation", bound_to=invited.digest)

    async def accept(password: str = PASSWORD) -> list[str] | type[Refusal]:
        sent = key.create(creation_options(keys, asked, invited.staff, [], NOW))
        shown = Shown(asked=asked, sent=sent)
        try:
            return await accept_with_passkey(
                database, keys, invited, password=password, shown=shown, now=NOW
            )
        except Refusal as refusal:
            return type(refusal)

    assert await accept("too short") is PasswordTooWeak
    key.is_verified = False
    assert await accept() is PasskeyNotAccepted
    key.is_verified = True
    codes = await accept()
    assert isinstance(codes, list)
    assert await accept() is InvitationUnknown
    return codes


async def test_an_invitation_is_accepted_with_a_passkey_alone(
    database: Database, keys: Keys
) -> None:
    key = Authenticator(ORIGIN)
    codes = await invited_with(database, keys, key)
    account = await read_account(database, "mina")
    assert account is not None
    assert (account.totp, account.staff.passkeys) == (None, 1)

    digest = session_digest(keys, "a")
    shown = Shown(asked=SIGN_IN, sent=key.show(request_options(keys, SIGN_IN, [], NOW)))
    tried = Try(name="mina", password=PASSWORD, passkey=shown)
    await sign_in(database, keys, RULE, tried, session=digest, now=NOW)
    by_code = Try(name="mina", password=PASSWORD, code=codes[0])
    await sign_in(database, keys, RULE, by_code, session=session_digest(keys, "b"), now=NOW)
    seated = await read_seated(database, digest)
    assert seated is not None
    [only] = await list_passkeys(database, account.staff.staff_id)
    with pytest.raises(LastSecondFactor):
        await remove_passkey(database, seated, only.passkey_id)
    assert len(await list_passkeys(database, account.staff.staff_id)) == 1

    # The table says so too.
    with pytest.raises(ConstraintViolation, match="staff_active_has_both_proofs"):
        await database.execute("UPDATE staff SET passkeys = 0")
    await invite_again(database, keys, "mina", actor=ADMIN)
    assert await list_passkeys(database, account.staff.staff_id) == []


@pytest.mark.parametrize(
    ("address", "rp_id", "origin"),
    [
        ("https://testel.example", "testel.example", "https://testel.example"),
        ("https://Testel.example:443/", "testel.example", "https://testel.example"),
        ("https://testel.example:8443", "testel.example", "https://testel.example:8443"),
        ("http://localhost:8000", "localhost", "http://localhost:8000"),
    ],
)
def test_passkeys_are_for_the_public_address(address: str, rp_id: str, origin: str) -> None:
    assert relying_party(address, "Testel") == RelyingParty(
        rp_id=rp_id, origin=origin, name="Testel"
    )


@pytest.mark.parametrize(
    "address",
    ["", "http://testel.example", "http://127.0.0.1:8000", "https://10.0.0.1", "https://[::1]"],
)
def test_browsers_make_no_passkeys_for_numbers_or_in_the_clear(address: str) -> None:
    assert relying_party(address, "Testel") is None


async def test_what_authenticators_call_somebody_says_nothing(bench: Bench) -> None:
    options = json.loads(creation_options(bench.keys, ADDING, bench.seated.staff, [], NOW))
    other = replace(bench.seated.staff, staff_id=bench.seated.staff.staff_id + 1)
    others = json.loads(creation_options(bench.keys, ADDING, other, [], NOW))

    assert options["user"]["id"] != others["user"]["id"]
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
