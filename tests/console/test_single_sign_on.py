"""Single sign-on: who comes in by it, what of a provider's is believed, and what is not."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from joserfc.jwk import RSAKey

from tambah.config import ConfigError, SingleSignOnEntry
from tambah.console import signing_in
from tambah.console.proving import FRESH, PROVE
from tambah.domain.staff import Role
from tambah.engine.operator import single_sign_on_rule
from tambah.engine.staff import disable, invite, invite_again
from tambah.i18n import LANGUAGES, texts
from tambah.web.site import Site
from tests.engine.staff.authenticator import Authenticator
from tests.engine.staff.people import ADMIN, Person
from tests.portal.conftest import text_of

from .conftest import HOST, World, sign_in
from .provider import CLIENT, SECRET, Provider, running

SSO = "/console/sso"
MINA = {"email": "mina@testel.example", "email_verified": True}


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Run a provider that knows Mina by her address."""
    with running() as provider:
        provider.claims = dict(MINA)
        yield provider


@dataclass
class Bench:
    """A site with a provider, and Mina, who works there."""

    world: World
    provider: Provider
    mina: Person

    def site(self, **said: Any) -> Site:
        """Return the site with its provider; said: of the entry."""
        usual: dict[str, Any] = {
            "issuer": self.provider.issuer,
            "client_id": CLIENT,
            "name": "Testel ID",
            "domains": ("testel.example",),
            "trusts_second_factor": True,
            "methods": (),
        }
        entry = SingleSignOnEntry(**(usual | said))
        operator = msgspec.structs.replace(self.world.site.operator, single_sign_on=entry)
        return replace(self.world.site, operator=operator, sso_client_secret=SECRET)

    def browser(self, **said: Any) -> httpx.AsyncClient:
        """Return a fresh browser."""
        return self.world.browser(self.site(**said))

    async def audit(self, action: str) -> list[dict[str, Any]]:
        """Return what the audit trail says came of an action."""
        rows = await self.world.site.database.fetch(
            "SELECT after::text FROM audit WHERE action = $1 ORDER BY day, seq", action
        )
        return [json.loads(row[0]) for row in rows]


@pytest.fixture
async def bench(world: World, provider: Provider) -> Bench:
    """Return Mina's bench."""
    return Bench(world, provider, await world.hire("mina", Role.CARE))


async def come(browser: httpx.AsyncClient, bench: Bench, path: str = f"{SSO}/start") -> Any:
    """Go to the provider, be let in there, and come back."""
    sent = await browser.get(path)
    assert sent.status_code == 303, sent.text
    back = bench.provider.allow(sent.headers["location"])
    return await browser.get(f"{SSO}/callback", params=back)


async def test_somebody_comes_in_and_is_bound_once(bench: Bench) -> None:
    async with bench.browser() as browser:
        assert "Sign in with Testel ID" in text_of(await browser.get("/console/sign-in"))
        came = await come(browser, bench)
        assert (came.status_code, came.headers["location"]) == (303, "/console")
        assert "Signed in: mina" in text_of(await browser.get("/console"))
    bound = {"issuer": bench.provider.issuer, "subject": "subject-1"}
    assert await bench.audit("BindIdentity") == [bound]
    assert await bench.audit("SignIn") == [{"by": "single sign-on", "with": "the provider's own"}]

    # From then on the subject counts, and no address.
    bench.provider.claims = {"email": "somebody@else.example"}
    async with bench.browser() as browser:
        assert (await come(browser, bench)).status_code == 303
    bench.provider.claims = {"sub": "subject-2"} | MINA
    async with bench.browser() as browser:
        assert (await come(browser, bench)).status_code == 422
    assert await bench.audit("BindIdentity") == [bound]


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody else"},
        {"aud": ["a", "b"]},
        {"aud": None},
        {"azp": "somebody else"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"email_verified": False},
        {"email_verified": None},
        {"email": "mina@evil.example"},
        {"email": "nobody@testel.example"},
        {"email": "<b>@testel.example"},
        {"email": None},
        {"amr": 7},
    ],
    ids=str,
)
async def test_a_token_that_is_wrong_lets_nobody_in(bench: Bench, claims: dict[str, Any]) -> None:
    bench.provider.claims |= claims
    async with bench.browser() as browser:
        refused = await come(browser, bench)
        assert refused.status_code == 422
        assert "Single sign-on did not let you in" in text_of(refused)
        assert (await browser.get("/console")).status_code == 303
    assert await bench.audit("SignIn") == []


@pytest.mark.parametrize("alg", ["none", "HS256"])
async def test_a_token_without_the_providers_own_signature_is_nothing(
    bench: Bench, alg: str
) -> None:
    bench.provider.alg = alg
    async with bench.browser() as browser:
        assert (await come(browser, bench)).status_code == 422


async def test_a_token_that_another_signed_is_nothing(bench: Bench) -> None:
    bench.provider.signs_with = RSAKey.generate_key(2048, {"kid": "1"})
    async with bench.browser() as browser:
        assert (await come(browser, bench)).status_code == 422


async def test_a_provider_may_change_its_keys(bench: Bench) -> None:
    async with bench.browser() as browser:
        sent = await browser.get(f"{SSO}/start")
        bench.provider.key = RSAKey.generate_key(2048, {"kid": "1"})
        back = bench.provider.allow(sent.headers["location"])
        assert (await browser.get(f"{SSO}/callback", params=back)).status_code == 303


async def test_an_answer_is_taken_once_by_who_was_sent_in_time(bench: Bench) -> None:
    async with bench.browser() as browser, bench.browser() as other:
        sent = await browser.get(f"{SSO}/start")
        kept = dict(browser.cookies)
        back = bench.provider.allow(sent.headers["location"])
        assert (await other.get(f"{SSO}/callback", params=back)).status_code == 422, "not sent"
        wrong = back | {"state": "another"}
        assert (await browser.get(f"{SSO}/callback", params=wrong)).status_code == 422
        other.cookies.update(kept)
        mixed = back | {"iss": "https://evil.example"}
        assert (await other.get(f"{SSO}/callback", params=mixed)).status_code == 422
        other.cookies.update(kept)
        assert (await other.get(f"{SSO}/callback", params=back)).status_code == 303
        browser.cookies.update(kept)
        again = bench.provider.allow(sent.headers["location"])
        replayed = await browser.get(f"{SSO}/callback", params=again)
        assert replayed.status_code == 422, "a fresh code does not make a used state good"

        sent = await other.get(f"{SSO}/start")
        back = bench.provider.allow(sent.headers["location"])
        bench.world.clock.ahead = timedelta(minutes=10)
        assert (await other.get(f"{SSO}/callback", params=back)).status_code != 303


async def test_two_answers_at_once_let_one_in(bench: Bench) -> None:
    async with bench.browser() as one, bench.browser() as other:
        sent = await one.get(f"{SSO}/start")
        other.cookies.update(dict(one.cookies))
        backs = [bench.provider.allow(sent.headers["location"]) for _ in range(2)]
        came = await asyncio.gather(
            *(
                browser.get(f"{SSO}/callback", params=back)
                for browser, back in zip((one, other), backs, strict=True)
            )
        )

    assert sorted(answer.status_code for answer in came) == [303, 422]


async def test_who_refused_at_the_provider_is_told_so(bench: Bench) -> None:
    async with bench.browser() as browser:
        sent = await browser.get(f"{SSO}/start")
        state = bench.provider.allow(sent.headers["location"])["state"]
        refused = await browser.get(
            f"{SSO}/callback", params={"error": "access_denied", "state": state}
        )

    assert (refused.status_code, "did not let you in" in text_of(refused)) == (422, True)


async def test_only_who_was_invited_and_accepted_comes_in(bench: Bench) -> None:
    database, keys = bench.world.site.database, bench.world.site.keys
    await invite(database, keys, "ben", [Role.CARE], actor=ADMIN)
    bench.provider.claims = {"email": "ben@testel.example", "email_verified": True, "sub": "ben"}
    async with bench.browser() as browser:
        assert (await come(browser, bench)).status_code == 422, "not accepted yet"
        bench.provider.claims = dict(MINA)
        assert (await come(browser, bench)).status_code == 303
        await disable(database, "mina", actor=ADMIN)
        assert (await browser.get("/console")).status_code == 303
        assert (await come(browser, bench)).status_code == 422, "disabled"
        await invite_again(database, keys, "mina", actor=ADMIN)
        assert (await come(browser, bench)).status_code == 422, "to accept again"
    row = await database.fetch_row("SELECT count(*) FROM staff_identity")
    assert row is not None
    assert row[0] == 0, "whoever starts anew is bound anew"


async def test_roles_are_ours_alone(bench: Bench) -> None:
    bench.provider.claims |= {"groups": ["administrator"], "roles": ["administrator"]}
    async with bench.browser() as browser:
        await come(browser, bench)
        assert (await browser.get("/console/staff")).status_code == 403


async def test_a_second_factor_of_ours_is_asked_for_unless_the_providers_is_trusted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.provider.claims |= {"amr": ["pwd"]}
    trusting = {"trusts_second_factor": True, "methods": ("mfa",)}
    for said in ({"trusts_second_factor": False}, trusting):
        async with bench.browser(**said) as browser:
            came = await come(browser, bench)
            assert came.headers["location"] == f"{SSO}/second"
            assert (await browser.get("/console")).status_code == 303
            assert "One more proof" in text_of(await browser.get(f"{SSO}/second"))
            for wrong in ({}, {"code": "000000"}, {"passkey": "{}"}):
                assert (await browser.post(f"{SSO}/second", data=wrong)).status_code == 422
            right = {"code": bench.mina.codes.pop()}
            assert (await browser.post(f"{SSO}/second", data=right)).status_code == 303
            assert (await browser.get("/console")).status_code == 200
    bench.provider.claims |= {"amr": ["pwd", "mfa"]}
    async with bench.browser(**trusting) as browser:
        assert (await come(browser, bench)).headers["location"] == "/console"
    assert [row["with"] for row in await bench.audit("SignIn")] == [
        "recovery code",
        "recovery code",
        "the provider's own",
    ]


async def test_wrong_second_factors_lock_the_account_and_bind_nobody(bench: Bench) -> None:
    async with bench.browser(trusts_second_factor=False) as browser:
        await come(browser, bench)
        for _ in range(5):
            assert (await browser.post(f"{SSO}/second", data={"code": "1"})).status_code == 422
        right = {"code": bench.mina.codes.pop()}
        assert (await browser.post(f"{SSO}/second", data=right)).status_code == 422
        bench.world.clock.ahead = timedelta(minutes=10)
        late = await browser.get(f"{SSO}/second")
        assert late.status_code == 422, "to be begun anew"
    assert await bench.audit("BindIdentity") == []
    assert len(await bench.audit("LockStaff")) == 1


async def test_a_passkey_is_a_second_factor_after_the_provider(bench: Bench) -> None:
    origin, key = "https://testel.example", Authenticator("https://testel.example")
    site = replace(bench.site(trusts_second_factor=False), public_url=origin)
    async with bench.world.browser(site) as door:
        door.base_url = origin
        answer = await sign_in(door, bench.mina, code=bench.mina.codes.pop())
        assert answer.status_code == 303
        options = await door.get("/console/account/passkeys/new/options")
        form = {"passkey_name": "blue", "passkey": key.create(options.text)}
        await door.post("/console/account/passkeys/new", data=form)
    async with bench.world.browser(site) as browser:
        browser.base_url = origin
        await come(browser, bench)
        elsewhere = key.show((await browser.get("/console/sign-in/passkey")).text)
        answer = await browser.post(f"{SSO}/second", data={"passkey": elsewhere})
        assert answer.status_code == 422, "asked for at the door"
        here = key.show((await browser.get(f"{SSO}/second/passkey")).text)
        answer = await browser.post(f"{SSO}/second", data={"passkey": here})
        assert answer.status_code == 303


async def test_money_asks_the_provider_to_ask_again(bench: Bench) -> None:
    async with bench.browser() as browser:
        await come(browser, bench)
        bench.world.clock.ahead = FRESH + timedelta(minutes=1)
        now = int(bench.world.clock.now().timestamp())
        in_time = {"iat": now, "exp": now + 300}
        asked = await browser.get("/console/account/passkeys/new")
        page = await browser.get(asked.headers["location"])
        found = re.search(rf'href="({SSO}/prove\?back=[^"]+)"', page.text)
        assert found is not None
        sent = await browser.get(found[1])
        assert "prompt=login" in sent.headers["location"]
        assert "max_age=0" in sent.headers["location"]

        for claims in (
            {"auth_time": now - 120},
            {"auth_time": None},
            {"auth_time": now, "sub": "subject-2"},
        ):
            bench.provider.claims = MINA | in_time | claims
            assert (await come(browser, bench, found[1])).status_code == 422
            assert (await browser.get("/console/account/passkeys/new")).status_code == 303
        bench.provider.claims = MINA | in_time | {"auth_time": now}
        proved = await come(browser, bench, found[1])
        assert proved.headers["location"] == "/console/account/passkeys/new"
        assert (await browser.get("/console/account/passkeys/new")).status_code == 200


async def test_a_proof_is_for_the_session_that_was_sent(bench: Bench) -> None:
    async with bench.browser() as browser:
        await come(browser, bench)
        sent = await browser.get(f"{SSO}/prove")
        back = bench.provider.allow(sent.headers["location"])
        kept = browser.cookies.get("console_sso")
        assert kept
        await come(browser, bench)
        browser.cookies.set("console_sso", kept, domain="testel.example", path=SSO)
        assert (await browser.get(f"{SSO}/callback", params=back)).status_code == 422


async def test_an_account_is_connected_from_its_own_page_and_disconnected(bench: Bench) -> None:
    bench.provider.claims = {"email": "m.tan@holding.example", "email_verified": True}
    async with bench.browser() as browser:
        assert (await come(browser, bench)).status_code == 422, "the address is nobody's"
        await sign_in(browser, bench.mina, code=bench.mina.codes.pop())
        page = await browser.get("/console/account")
        found = re.search(r"/console/sso/connect\?mark=[0-9a-f]+", page.text)
        assert found is not None
        forged = await browser.get(f"{SSO}/connect?mark={'0' * 32}")
        assert forged.status_code == 422, "a link of another site's"
        came = await come(browser, bench, found[0])
        assert came.headers["location"] == "/console/account"
        assert "is connected to Testel ID since" in text_of(await browser.get("/console/account"))
    async with bench.browser() as browser:
        assert (await come(browser, bench)).status_code == 303
        left = await browser.post(f"{SSO}/disconnect")
        assert left.headers["location"] == "/console/account"
        assert (await come(browser, bench)).status_code == 422
    assert len(await bench.audit("UnbindIdentity")) == 1


async def test_an_address_may_come_from_the_userinfo_of_the_same_subject(bench: Bench) -> None:
    bench.provider.claims = {}
    bench.provider.userinfo = {"sub": "subject-2"} | MINA
    async with bench.browser() as browser:
        assert (await come(browser, bench)).status_code == 422
        bench.provider.userinfo = {"sub": "subject-1"} | MINA
        assert (await come(browser, bench)).status_code == 303


@pytest.mark.parametrize(
    "says",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "ftp://127.0.0.1/keys"},
        {"authorization_endpoint": 7},
    ],
    ids=str,
)
async def test_a_provider_that_calls_itself_another_is_as_if_down(
    bench: Bench, says: dict[str, Any]
) -> None:
    bench.provider.says = says
    async with bench.browser() as browser:
        assert (await browser.get(f"{SSO}/start")).status_code == 503


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_when_the_provider_is_down_the_page_says_so_and_passwords_work(
    bench: Bench, tag: str
) -> None:
    async with bench.browser() as browser:
        sent = await browser.get(f"{SSO}/start?lang={tag}")
        back = bench.provider.allow(sent.headers["location"])
        bench.provider.is_down = True
        for answer in (
            await browser.get(f"{SSO}/callback", params=back),
            await bench.browser().get(f"{SSO}/start?lang={tag}"),
        ):
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "60"
            assert texts(tag).get("refusal.single_sign_on_down") in text_of(answer)
            assert 'name="password"' in answer.text
        entered = await sign_in(browser, bench.mina, code=bench.mina.codes.pop())
        assert entered.status_code == 303


async def test_passwords_may_be_for_administrators_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "WRONG_ANSWER_SECONDS", 0)
    chief = await bench.world.hire("chief", Role.ADMINISTRATOR)
    async with bench.browser(only=True) as browser:
        page = await browser.get("/console/sign-in")
        assert "Passwords are for administrators alone." in text_of(page)
        refused = await sign_in(browser, bench.mina, code=bench.mina.codes.pop())
        assert refused.status_code == 422
        assert (await come(browser, bench)).status_code == 303
        bench.world.clock.ahead = FRESH + timedelta(minutes=1)
        proof = {"back": "/console/account", "proof": bench.mina.password}
        assert (await browser.post(PROVE, data=proof)).status_code == 422
        code = proof | {"proof": bench.mina.code(bench.world.clock.now())}
        assert (await browser.post(PROVE, data=code)).status_code == 303
    async with bench.browser(only=True) as browser:
        assert (await sign_in(browser, chief, code=chief.codes.pop())).status_code == 303


async def test_wrong_answers_are_budgeted_and_then_the_provider_is_not_asked(bench: Bench) -> None:
    bench.provider.claims |= {"nonce": "another"}
    async with bench.browser() as browser:
        told = [(await come(browser, bench)).status_code for _ in range(30)]
        asked = len(bench.provider.asked)
        after = await come(browser, bench)

    assert told == [422] * 30
    assert after.status_code == 429
    assert len(bench.provider.asked) == asked


async def test_no_secret_is_in_any_address_or_cookie(bench: Bench) -> None:
    async with bench.browser() as browser:
        sent = await browser.get(f"{SSO}/start")
        kept = sent.headers["set-cookie"]
        back = bench.provider.allow(sent.headers["location"])
        await browser.get(f"{SSO}/callback", params=back)
    [verifier] = [
        form["code_verifier"] for place, form in bench.provider.asked if "token" in place
    ]

    assert SECRET not in sent.headers["location"] + kept
    assert verifier not in sent.headers["location"] + kept
    assert "HttpOnly" in kept
    assert "Path=/console/sso" in kept
    assert (
        f"redirect_uri={HOST.replace(':', '%3A').replace('/', '%2F')}" in sent.headers["location"]
    )


@pytest.mark.parametrize(
    "said",
    [
        {"only": True},
        {"client_id": "tambah"},
        {"issuer": "https://id.testel.example"},
        {"issuer": "http://id.testel.example", "client_id": "tambah"},
        {"issuer": "nonsense", "client_id": "tambah"},
        {"issuer": "https://id.example", "client_id": "tambah", "domains": ("@testel.example",)},
    ],
    ids=str,
)
def test_an_entry_that_cannot_work_is_refused_at_start(said: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="single_sign_on"):
        single_sign_on_rule(SingleSignOnEntry(**said))


def test_without_an_issuer_there_is_none() -> None:
    assert single_sign_on_rule(SingleSignOnEntry()) is None
