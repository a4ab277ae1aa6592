"""The demo's staff: plainly made up, and able to sign in at once with what demo.json says."""

from __future__ import annotations

import msgspec

from tambah.engine.staff import totp_code
from tambah.jobs.demo_staff import hire_staff
from tests.engine.staff.people import Person

from .conftest import World, sign_in


async def test_demo_staff_sign_in_with_what_demo_json_says(world: World) -> None:
    hired = await hire_staff(world.site)
    told = msgspec.json.decode(msgspec.json.encode(hired))

    assert [(one["name"], one["roles"]) for one in told] == [
        ("demo-care", ["care"]),
        ("demo-finance", ["finance"]),
        ("demo-warehouse", ["warehouse"]),
        ("demo-administrator", ["administrator"]),
    ]
    assert {tuple(sorted(one)) for one in told} == {("name", "password", "roles", "totp_secret")}
    for one in told:
        person = Person(one["name"], one["totp_secret"], password=one["password"])
        code = totp_code(one["totp_secret"], world.clock.now())
        async with world.browser() as browser:
            assert (await sign_in(browser, person, code=code)).status_code == 303


async def test_a_start_that_was_cut_short_invites_them_anew(world: World) -> None:
    first = await hire_staff(world.site)
    second = await hire_staff(world.site)

    assert [one.name for one in first] == [one.name for one in second]
    person = Person(second[0].name, second[0].totp_secret, password=second[0].password)
    code = totp_code(person.totp, world.clock.now())
    async with world.browser() as browser:
        assert (await sign_in(browser, person, code=code)).status_code == 303
