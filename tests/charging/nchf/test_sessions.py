"""The behaviours that the suites of other charging functions name by their titles, and our own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest

from tambah.app import build_nchf
from tambah.engine.clock import Clock
from tambah.engine.verifying import verify
from tambah.store.views.usage import used_by_line
from tambah.web.site import Site
from tests.engine.books import RM, add_line

from . import spec
from .conftest import (
    ALICE,
    BASE,
    BOB,
    INTERNET,
    MB,
    OTHER_TOKEN,
    SOCIAL,
    UNPRICED,
    Core,
    asked,
    credit,
    free_micros,
    held_micros,
    make_operator,
    message,
    pdu_session,
    sms,
    spent,
    until_local,
)


@pytest.mark.skipif(not spec.IS_THERE, reason="set TAMBAH_SPECS_DIR to where 3GPP's bundle is")
def test_the_specification_is_there_and_says_no_to_what_is_wrong() -> None:
    spec.require("ChargingNotifyRequest", {"notificationType": "REAUTHORIZATION"})
    with pytest.raises(AssertionError):
        spec.require("ChargingDataRequest", {"invocationSequenceNumber": 1})
    with pytest.raises(AssertionError):
        spec.require("ChargingDataResponse", {"invocationTimeStamp": "yesterday"})


# A session from beginning to end (SigScale: create_scur, update_scur, release_scur)


async def test_create_grants_units_and_says_where_the_session_is(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    answer = await core.create(asked(INTERNET, 20 * MB))

    assert answer.status_code == 201
    assert answer.headers["location"].startswith(f"http://chf.example{BASE}/")
    assert answer.json() == {
        "invocationTimeStamp": "2027-03-01T06:30:00Z",
        "invocationSequenceNumber": 1,
        "multipleUnitInformation": [
            {
                "ratingGroup": INTERNET,
                "resultCode": "SUCCESS",
                "grantedUnit": {"totalVolume": 20 * MB},
                "triggers": [
                    {"triggerType": kind, "triggerCategory": "IMMEDIATE_REPORT"}
                    for kind in (
                        "QUOTA_THRESHOLD",
                        "QUOTA_EXHAUSTED",
                        "VALIDITY_TIME",
                        "FINAL",
                        "PLMN_CHANGE",
                    )
                ],
                "validityTime": 3600,
                "volumeQuotaThreshold": 4 * MB,
            }
        ],
    }
    assert (await free_micros(site), await held_micros(site)) == (8 * RM, 2 * RM)
    assert str(ALICE) not in answer.headers["location"]


async def test_update_counts_what_was_used_and_grants_more(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    await core.create(asked(INTERNET, 20 * MB))
    answer = await core.update(asked(INTERNET, 30 * MB, 5 * MB, 10 * MB))

    assert answer.status_code == 200
    granted = answer.json()["multipleUnitInformation"][0]
    assert granted["grantedUnit"] == {"totalVolume": 30 * MB}
    assert await free_micros(site) == 10 * RM - 1_500_000 - 3 * RM


async def test_release_books_what_was_used_and_lets_go_of_the_rest(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    await core.create(asked(INTERNET, 20 * MB))
    answer = await core.release(spent(INTERNET, 7 * MB))

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await free_micros(site), await held_micros(site)) == (10 * RM - 700_000, 0)
    line_id = await site.database.fetch_value("SELECT line_id FROM line WHERE msisdn = $1", ALICE)
    (used,) = await used_by_line(site.database, line_id, None, 10)
    assert (used.units, used.charged_micros, used.destination_class) == (7 * MB, 700_000, "data")
    assert (await core.release(spent(INTERNET, MB))).status_code == 404
    assert (await verify(site.database, full=True)).is_clean


async def test_refund_at_release_what_was_promised_and_not_used(site: Site, core: Core) -> None:
    await credit(site, 5 * RM)
    await core.create(asked(INTERNET, 50 * MB))
    assert await free_micros(site) == 0
    await core.release()
    assert (await free_micros(site), await held_micros(site)) == (5 * RM, 0)


async def test_sessions_side_by_side_never_spend_together_what_a_line_has_once(
    site: Site, core: Core
) -> None:
    await credit(site, 5 * RM)
    other = Core(core.client)
    first = await core.create(asked(INTERNET, 50 * MB))
    second = await other.create(
        asked(INTERNET, 50 * MB), pDUSessionChargingInformation=pdu_session(chargingId=8)
    )
    assert first.status_code == 201
    assert (second.status_code, second.json()["cause"]) == (403, "QUOTA_LIMIT_REACHED")


async def test_rating_groups_are_answered_each_for_itself(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    answer = await core.create(asked(SOCIAL, 10 * MB), asked(UNPRICED), asked(SOCIAL, 10 * MB))
    found = {
        one["ratingGroup"]: (one["resultCode"], one.get("grantedUnit"))
        for one in answer.json()["multipleUnitInformation"]
    }
    # A group that is named twice is one group.
    assert found == {
        SOCIAL: ("SUCCESS", {"totalVolume": 20 * MB}),
        UNPRICED: ("RATING_FAILED", None),
    }
    assert await held_micros(site) == RM


# Exact fit, out of credit


async def test_exact_fit_is_granted_whole_and_as_the_last(site: Site, core: Core) -> None:
    await credit(site, 5 * RM)
    answer = await core.create(asked(INTERNET, 50 * MB))
    granted = answer.json()["multipleUnitInformation"][0]
    assert granted["grantedUnit"] == {"totalVolume": 50 * MB}
    assert granted["finalUnitIndication"] == {"finalUnitAction": "TERMINATE"}
    await core.release(spent(INTERNET, 50 * MB))
    assert await free_micros(site) == 0


async def test_less_than_was_asked_for_is_granted_where_there_is_no_more(
    site: Site, core: Core
) -> None:
    await credit(site, RM)
    answer = await core.create(asked(INTERNET, 50 * MB))
    granted = answer.json()["multipleUnitInformation"][0]
    assert granted["grantedUnit"] == {"totalVolume": 10 * MB}
    assert "finalUnitIndication" in granted


async def test_out_of_credit_at_start_is_refused(site: Site, core: Core) -> None:
    answer = await core.create(asked(INTERNET, MB))
    assert (answer.status_code, answer.json()["cause"]) == (403, "QUOTA_LIMIT_REACHED")
    assert "location" not in answer.headers
    assert await site.database.fetch_value("SELECT count(*) FROM reservation") == 0


async def test_out_of_credit_at_update_is_told_for_the_group(site: Site, core: Core) -> None:
    await credit(site, RM)
    await core.create(asked(INTERNET, 50 * MB))
    answer = await core.update(asked(INTERNET, 50 * MB, 10 * MB))
    assert answer.status_code == 200
    assert answer.json()["multipleUnitInformation"] == [
        {"ratingGroup": INTERNET, "resultCode": "QUOTA_LIMIT_REACHED"}
    ]
    assert await free_micros(site) == 0


async def test_redirect_to_the_top_up_page_where_the_operator_says_so(
    site: Site, core: Core
) -> None:
    page = "https://topup.example/"
    operator = make_operator(site.keys, redirect_to=page)
    transport = httpx2.ASGITransport(build_nchf(replace(site, operator=operator)))
    await credit(site, RM)
    async with httpx2.AsyncClient(transport=transport, base_url="http://chf.example") as client:
        answer = await Core(client).create(asked(INTERNET, 50 * MB))
    assert answer.json()["multipleUnitInformation"][0]["finalUnitIndication"] == {
        "finalUnitAction": "REDIRECT",
        "redirectServer": {"redirectAddressType": "URL", "redirectServerAddress": page},
    }


# Tariffs


@pytest.mark.parametrize(("hour", "cost"), [(12, 400_000), (22, 200_000)])
async def test_tariff_by_time(site: Site, core: Core, clock: Clock, hour: int, cost: int) -> None:
    clock.offset = until_local(hour)
    await credit(site, 10 * RM)
    answer = await core.create(sms(), **message())
    assert answer.status_code == 201
    assert await free_micros(site) == 10 * RM - cost


async def test_abroad_costs_what_the_zone_says(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    await core.create(
        asked(INTERNET, 5 * MB), pDUSessionChargingInformation=pdu_session(serving="52501")
    )
    assert await held_micros(site) == 5 * RM
    elsewhere = await Core(core.client).create(
        asked(INTERNET, 5 * MB),
        pDUSessionChargingInformation=pdu_session(serving="23415", chargingId=9),
    )
    assert (elsewhere.status_code, elsewhere.json()["cause"]) == (403, "CHARGING_FAILED")


# One-time events


async def test_event_is_charged_at_once(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    answer = await core.create(sms(), **message("60123450000"))
    assert answer.status_code == 201
    assert answer.json()["multipleUnitInformation"] == [
        {"ratingGroup": 3, "resultCode": "SUCCESS", "grantedUnit": {"serviceSpecificUnits": 1}}
    ]
    assert (await free_micros(site), await held_micros(site)) == (10 * RM - 150_000, 0)


async def test_event_of_several_messages_to_a_number_of_ours(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    await add_line(site.engine, site.database, BOB)
    told = message(str(BOB))
    told["sMSChargingInformation"]["numberofMessagesSent"] = 3
    await core.create(sms(), **told)
    assert await free_micros(site) == 10 * RM - 150_000


async def test_event_told_of_afterwards_is_charged_by_what_was_used(
    site: Site, core: Core
) -> None:
    await credit(site, 10 * RM)
    used = {
        "ratingGroup": 3,
        "usedUnitContainer": [{"localSequenceNumber": 1, "serviceSpecificUnits": 2}],
    }
    await core.create(used, **message("60123450000", oneTimeEventType="PEC"))
    assert await free_micros(site) == 10 * RM - 300_000


async def test_event_is_all_or_nothing(site: Site, core: Core) -> None:
    await credit(site, RM)
    answer = await core.create(sms(units=100), **message("60123450000"))
    assert (answer.status_code, answer.json()["cause"]) == (403, "QUOTA_LIMIT_REACHED")
    assert await free_micros(site) == RM


async def test_message_to_nobody_is_not_charged(site: Site, core: Core) -> None:
    await credit(site, RM)
    told = message()
    told["sMSChargingInformation"]["recipientInfo"] = []
    answer = await core.create(sms(), **told)
    assert (answer.status_code, answer.json()["cause"]) == (400, "CHARGING_FAILED")


# Retransmission


async def test_create_again_begins_nothing_and_is_answered_alike(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    first = await core.create(asked(INTERNET, 20 * MB))
    again = await core.create(
        asked(INTERNET, 20 * MB), invocationSequenceNumber=1, retransmissionIndicator=True
    )
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert await held_micros(site) == 2 * RM


async def test_update_again_counts_nothing_twice(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    await core.create(asked(INTERNET, 20 * MB))
    first = await core.update(asked(INTERNET, 20 * MB, 10 * MB))
    again = await core.update(
        asked(INTERNET, 20 * MB, 10 * MB),
        invocationSequenceNumber=2,
        retransmissionIndicator=True,
    )
    assert (again.status_code, again.content) == (200, first.content)
    assert await free_micros(site) == 10 * RM - RM - 2 * RM


async def test_event_again_is_charged_once(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    for again in (False, True):
        answer = await core.create(
            sms(),
            **message("60123450000", invocationSequenceNumber=1, retransmissionIndicator=again),
        )
        assert answer.status_code == 201
    assert await free_micros(site) == 10 * RM - 150_000


async def test_release_again_is_done_already(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    await core.create(asked(INTERNET, 20 * MB))
    await core.release(spent(INTERNET, MB))
    again = await core.release(spent(INTERNET, MB), invocationSequenceNumber=2)
    assert again.status_code == 204
    assert await free_micros(site) == 10 * RM - 100_000


async def test_an_earlier_number_is_refused(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    await core.create(asked(INTERNET, MB))
    await core.update(asked(INTERNET, MB))
    answer = await core.update(asked(INTERNET, MB), invocationSequenceNumber=1)
    assert (answer.status_code, answer.json()["cause"]) == (400, "MANDATORY_IE_INCORRECT")
    assert answer.json()["invalidParams"][0]["param"] == "/invocationSequenceNumber"


# Who is charged


async def test_the_line_is_found_by_its_sim(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    line_id = await site.database.fetch_value("SELECT line_id FROM line WHERE msisdn = $1", ALICE)
    await site.database.execute(
        """
        INSERT INTO sim (iccid, imsi, kind, state, line_id, smdp_address, digest, shown)
        VALUES ('8960001', '502990000000001', 1, 2, $1, '', '', 0)
        """,
        line_id,
    )
    await site.database.execute("INSERT INTO sim_imsi VALUES ('502990000000001', '8960001')")
    nobody_named = pdu_session()
    del nobody_named["userInformation"]
    answer = await core.create(asked(INTERNET, MB), pDUSessionChargingInformation=nobody_named)
    assert answer.status_code == 201
    unknown = await Core(core.client).create(
        asked(INTERNET, MB),
        subscriberIdentifier="imsi-502990000000002",
        pDUSessionChargingInformation=nobody_named,
    )
    assert (unknown.status_code, unknown.json()["cause"]) == (404, "USER_UNKNOWN")


async def test_a_number_that_is_no_line_is_unknown(core: Core) -> None:
    answer = await core.create(asked(INTERNET, MB), pDUSessionChargingInformation=pdu_session(BOB))
    assert (answer.status_code, answer.json()["cause"]) == (404, "USER_UNKNOWN")


async def test_a_line_that_may_not_be_used_is_denied(site: Site, core: Core) -> None:
    yesterday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    await add_line(site.engine, site.database, BOB, active_until=yesterday)
    answer = await core.create(asked(INTERNET, MB), pDUSessionChargingInformation=pdu_session(BOB))
    assert (answer.status_code, answer.json()["cause"]) == (403, "END_USER_REQUEST_DENIED")


async def test_a_session_is_its_consumers_alone(site: Site, core: Core) -> None:
    await credit(site, 10 * RM)
    await core.create(asked(INTERNET, MB))
    other = Core(core.client, token=OTHER_TOKEN, location=core.location, sequence=1)
    assert (await other.update(asked(INTERNET, MB))).status_code == 404
