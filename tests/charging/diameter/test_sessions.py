"""Sessions and events over TCP, on PostgreSQL: what is granted, charged and refused."""

from __future__ import annotations

import asyncio

from tambah.charging.diameter.avps import group, make
from tambah.charging.diameter.names import (
    ADDRESS_DATA,
    CC_CORRELATION_ID,
    CC_INPUT_OCTETS,
    CC_OUTPUT_OCTETS,
    CC_SERVICE_SPECIFIC_UNITS,
    CC_TIME,
    CC_TOTAL_OCTETS,
    CHECK_BALANCE_RESULT,
    COST_INFORMATION,
    CURRENCY_CODE,
    EXPONENT,
    FINAL_UNIT_ACTION,
    FINAL_UNIT_INDICATION,
    GRANTED_SERVICE_UNIT,
    MULTIPLE_SERVICES_CREDIT_CONTROL,
    PS_INFORMATION,
    RATING_GROUP,
    RECIPIENT_ADDRESS,
    RECIPIENT_INFO,
    REDIRECT_SERVER,
    REDIRECT_SERVER_ADDRESS,
    REFUND_INFORMATION,
    REQUESTED_ACTION,
    REQUESTED_SERVICE_UNIT,
    RESULT_CODE,
    ROLE_OF_NODE,
    SERVICE_IDENTIFIER,
    SERVICE_INFORMATION,
    SESSION_ID,
    SGSN_MCC_MNC,
    SMS_INFORMATION,
    TIME_QUOTA_THRESHOLD,
    UNIT_VALUE,
    USED_SERVICE_UNIT,
    VALIDITY_TIME,
    VALUE_DIGITS,
    VOLUME_QUOTA_THRESHOLD,
    Action,
    Command,
    RequestType,
)
from tambah.charging.diameter.server import DiameterServer
from tambah.domain.charging_rule import MEGABYTE
from tambah.engine.verifying import verify
from tambah.store.database import Database
from tests.charging.diameter.client import (
    DATA,
    SMS,
    VOICE,
    Client,
    Session,
    calls,
    service,
    subscription,
    values,
)
from tests.charging.diameter.conftest import Credit
from tests.charging.diameter.world import MSISDN, RM, TOP_UP_PAGE

INITIAL, UPDATE, TERMINATION, EVENT = RequestType
SENT_TO = group(
    SERVICE_INFORMATION,
    group(
        SMS_INFORMATION,
        group(RECIPIENT_INFO, group(RECIPIENT_ADDRESS, make(ADDRESS_DATA, "60198765432"))),
    ),
)


async def balance(database: Database) -> int:
    """Return the line's credit, in micro-ringgit."""
    return await database.fetch_value(
        "SELECT remaining_micros FROM bucket JOIN number ON owner_id = line_id"
        " WHERE msisdn = $1 AND bucket_id = 1",
        MSISDN,
    )


async def test_data_is_granted_by_rating_group_and_charged(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(100 * RM)
    data = Session.of(client, DATA)

    began = await data.ask(INITIAL, 0, service(1, wanted=10 * MEGABYTE), service(2))
    one, two = began.services
    went_on = await data.ask(UPDATE, 1, service(1, used=4 * MEGABYTE, wanted=MEGABYTE))
    reported = await data.ask(UPDATE, 2, service(2, used=MEGABYTE, more=False))
    ended = await data.ask(TERMINATION, 3, service(1, used=MEGABYTE // 2, more=False))

    assert [began.result, went_on.result, reported.result, ended.result] == [2001] * 4
    assert values(one, RATING_GROUP, RESULT_CODE, VALIDITY_TIME, VOLUME_QUOTA_THRESHOLD) == [
        1,
        2001,
        3600,
        2 * MEGABYTE,
    ]
    assert one.under(GRANTED_SERVICE_UNIT).number(CC_TOTAL_OCTETS) == 10 * MEGABYTE
    assert two.under(GRANTED_SERVICE_UNIT).number(CC_TOTAL_OCTETS) == 50 * MEGABYTE
    (again,) = went_on.services
    assert again.under(GRANTED_SERVICE_UNIT).number(CC_TOTAL_OCTETS) == MEGABYTE
    (only,) = reported.services
    assert values(only, RATING_GROUP, RESULT_CODE) == [2, 2001]
    assert only.first(GRANTED_SERVICE_UNIT) is None
    assert await balance(database) == 100 * RM - 550_000
    assert (await verify(database, full=True)).findings == ()


async def test_a_call_of_session_units_is_charged_by_the_second(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(10 * RM)
    call = Session.of(client, VOICE)
    wanted = group(REQUESTED_SERVICE_UNIT, make(CC_TIME, 60))

    began = await call.ask(INITIAL, 0, wanted, calls("tel:+60198765432"))
    # Where it goes to need not be said again.
    went_on = await call.ask(UPDATE, 1, wanted, group(USED_SERVICE_UNIT, make(CC_TIME, 60)))
    ended = await call.ask(TERMINATION, 2, group(USED_SERVICE_UNIT, make(CC_TIME, 13)))

    assert [began.result, went_on.result, ended.result] == [2001] * 3
    assert began.under(GRANTED_SERVICE_UNIT).number(CC_TIME) == 60
    assert began.fields.number(VALIDITY_TIME) == 3600
    assert went_on.under(GRANTED_SERVICE_UNIT).number(CC_TIME) == 60
    assert ended.fields.first(GRANTED_SERVICE_UNIT) is None
    assert await balance(database) == 10 * RM - 730_000


async def test_a_call_by_rating_group_has_a_time_threshold(client: Client, credit: Credit) -> None:
    await credit(10 * RM)
    call = Session.of(client, VOICE)

    began = await call.ask(
        INITIAL, 0, service(7, wanted=100, unit=CC_TIME), calls("sip:0198765432@ims.test")
    )

    (granted,) = began.services
    assert values(granted, RATING_GROUP, TIME_QUOTA_THRESHOLD) == [7, 20]


async def test_the_last_of_the_credit_is_final_and_then_there_is_none(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(RM)
    data = Session.of(client, DATA)

    began = await data.ask(INITIAL, 0, service(1))
    went_on = await data.ask(UPDATE, 1, service(1, used=10 * MEGABYTE))
    ended = await data.ask(TERMINATION, 2)
    refused = await Session.of(client, DATA).ask(INITIAL, 0, service(1))

    (last,) = began.services
    assert last.under(GRANTED_SERVICE_UNIT).number(CC_TOTAL_OCTETS) == 10 * MEGABYTE
    assert last.first(VOLUME_QUOTA_THRESHOLD) is None
    final = last.under(FINAL_UNIT_INDICATION)
    assert final.number(FINAL_UNIT_ACTION) == 1
    assert final.under(REDIRECT_SERVER).text(REDIRECT_SERVER_ADDRESS) == TOP_UP_PAGE
    assert [went_on.result, ended.result, refused.result] == [2001, 2001, 4012]
    assert [one.number(RESULT_CODE) for one in went_on.services] == [4012]
    assert [one.number(RESULT_CODE) for one in refused.services] == [4012]
    assert await balance(database) == 0


async def test_the_last_seconds_of_a_call_end_it(client: Client, credit: Credit) -> None:
    await credit(RM // 2)

    began = await Session.of(client, VOICE).ask(INITIAL, 0, calls("tel:+60198765432"))

    assert began.under(GRANTED_SERVICE_UNIT).number(CC_TIME) == 50
    assert began.under(FINAL_UNIT_INDICATION).number(FINAL_UNIT_ACTION) == 0


async def test_a_request_that_comes_again_is_charged_once(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(10 * RM)
    data = Session.of(client, DATA)
    await data.ask(INITIAL, 0, service(1, wanted=MEGABYTE))

    first = await data.ask(UPDATE, 1, service(1, used=MEGABYTE, wanted=MEGABYTE))
    marked = await data.ask(UPDATE, 1, service(1, used=MEGABYTE, wanted=MEGABYTE), flags=0xD0)
    unmarked = await data.ask(UPDATE, 1, service(1, used=MEGABYTE, wanted=MEGABYTE))
    before = await data.ask(UPDATE, 0, service(1, used=MEGABYTE, wanted=MEGABYTE))
    await data.ask(TERMINATION, 2)
    ended_again = await data.ask(TERMINATION, 2)

    assert [avp.as_bytes() for avp in marked.fields.avps] == [
        avp.as_bytes() for avp in first.fields.avps
    ]
    assert unmarked.result == 2001
    assert before.result == 5004
    assert ended_again.result == 2001
    assert await balance(database) == 10 * RM - 100_000


async def test_the_same_request_twice_at_once_is_charged_once(
    client: Client, where: str, credit: Credit, database: Database
) -> None:
    await credit(10 * RM)
    message = Session.of(client, SMS)
    wish = (make(REQUESTED_ACTION, int(Action.DIRECT_DEBITING)), SENT_TO)

    answers = await asyncio.gather(*(message.ask(EVENT, 0, *wish) for _ in range(8)))

    assert [one.result for one in answers] == [2001] * 8
    assert await balance(database) == 10 * RM - 100_000


async def test_a_message_is_charged_at_once_and_given_back(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(RM)
    sent = Session.of(client, SMS)
    debit = make(REQUESTED_ACTION, int(Action.DIRECT_DEBITING))
    refund = make(REQUESTED_ACTION, int(Action.REFUND_ACCOUNT))

    charged = await sent.ask(
        EVENT, 0, debit, service(9, wanted=2, unit=CC_SERVICE_SPECIFIC_UNITS), SENT_TO
    )
    left = await balance(database)
    (granted,) = charged.services
    voucher = granted.first(REFUND_INFORMATION)
    assert voucher is not None
    back = await Session.of(client, SMS).ask(
        EVENT, 0, refund, service(9, extra=[voucher]), SENT_TO
    )
    twice = await Session.of(client, SMS).ask(
        EVENT, 0, refund, service(9, extra=[voucher]), SENT_TO
    )

    assert (charged.result, left) == (2001, 800_000)
    assert granted.under(GRANTED_SERVICE_UNIT).number(CC_SERVICE_SPECIFIC_UNITS) == 2
    cost = charged.under(COST_INFORMATION)
    assert values(cost.under(UNIT_VALUE), VALUE_DIGITS, EXPONENT) == [200_000, -6]
    assert cost.number(CURRENCY_CODE) == 458
    assert (back.result, twice.result) == (2001, 5012)
    assert await balance(database) == RM
    assert (await verify(database, full=True)).findings == ()


async def test_a_charge_without_groups_is_given_back_by_its_correlation(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(RM)
    sent = Session.of(client, SMS)
    debit = make(REQUESTED_ACTION, int(Action.DIRECT_DEBITING))
    refund = make(REQUESTED_ACTION, int(Action.REFUND_ACCOUNT))

    charged = await sent.ask(EVENT, 0, debit, SENT_TO)
    back = await Session.of(client, SMS).ask(
        EVENT, 0, refund, make(CC_CORRELATION_ID, sent.name.encode()), SENT_TO
    )

    assert charged.under(GRANTED_SERVICE_UNIT).number(CC_SERVICE_SPECIFIC_UNITS) == 1
    assert (charged.result, back.result) == (2001, 2001)
    assert await balance(database) == RM


async def test_price_and_balance_are_told_and_nothing_is_written(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(RM)
    price = make(REQUESTED_ACTION, int(Action.PRICE_ENQUIRY))
    check = make(REQUESTED_ACTION, int(Action.CHECK_BALANCE))
    dear = group(REQUESTED_SERVICE_UNIT, make(CC_SERVICE_SPECIFIC_UNITS, 11))

    told = await Session.of(client, SMS).ask(EVENT, 0, price, SENT_TO)
    enough = await Session.of(client, SMS).ask(EVENT, 0, check, SENT_TO)
    too_much = await Session.of(client, SMS).ask(EVENT, 0, check, dear, SENT_TO)

    assert [told.result, enough.result, too_much.result] == [2001] * 3
    assert told.under(COST_INFORMATION, UNIT_VALUE).number(VALUE_DIGITS) == 100_000
    assert enough.fields.number(CHECK_BALANCE_RESULT) == 0
    assert too_much.fields.number(CHECK_BALANCE_RESULT) == 1
    assert await database.fetch_value("SELECT count(*) FROM reservation") == 0


async def test_data_abroad_costs_what_its_zone_costs(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(10 * RM)
    data = Session.of(client, DATA)
    abroad = group(SERVICE_INFORMATION, group(PS_INFORMATION, make(SGSN_MCC_MNC, "52501")))
    octets = group(
        USED_SERVICE_UNIT, make(CC_INPUT_OCTETS, MEGABYTE), make(CC_OUTPUT_OCTETS, MEGABYTE)
    )

    began = await data.ask(INITIAL, 0, service(1), abroad)
    went_on = await data.ask(
        UPDATE,
        1,
        group(
            MULTIPLE_SERVICES_CREDIT_CONTROL,
            group(REQUESTED_SERVICE_UNIT),
            octets,
            make(RATING_GROUP, 1),
        ),
    )
    await data.ask(TERMINATION, 2)

    (granted,) = began.services
    assert granted.under(GRANTED_SERVICE_UNIT).number(CC_TOTAL_OCTETS) == 10 * MEGABYTE
    (then,) = went_on.services
    assert then.under(GRANTED_SERVICE_UNIT).number(CC_TOTAL_OCTETS) == 8 * MEGABYTE
    assert await balance(database) == 8 * RM


async def test_what_a_session_said_is_known_after_a_restart(
    client: Client, credit: Credit, server_of_diameter: DiameterServer, database: Database
) -> None:
    await credit(10 * RM)
    data, call = Session.of(client, DATA), Session.of(client, VOICE)
    abroad = group(SERVICE_INFORMATION, group(PS_INFORMATION, make(SGSN_MCC_MNC, "52501")))
    await data.ask(INITIAL, 0, service(1, wanted=MEGABYTE), abroad)
    await call.ask(INITIAL, 0, service(1, wanted=60, unit=CC_TIME), calls("tel:+60198765432"))
    server_of_diameter._control._told.clear()

    of_data = await data.ask(UPDATE, 1, service(2, wanted=MEGABYTE))
    of_call = await call.ask(UPDATE, 1, service(1, used=60, wanted=60, unit=CC_TIME))
    await data.ask(TERMINATION, 2, service(2, used=MEGABYTE, more=False))
    await call.ask(TERMINATION, 2)

    results = [one.services[0].number(RESULT_CODE) for one in (of_data, of_call)]
    assert results == [2001, 2001]
    assert await balance(database) == 10 * RM - RM - 600_000


async def test_service_identifiers_go_back_with_their_groups(
    client: Client, credit: Credit
) -> None:
    await credit(10 * RM)

    began = await Session.of(client, DATA).ask(
        INITIAL,
        0,
        service(3, wanted=MEGABYTE, extra=[make(SERVICE_IDENTIFIER, 31)]),
        service(3, wanted=MEGABYTE, extra=[make(SERVICE_IDENTIFIER, 32)]),
        service(None, wanted=MEGABYTE, extra=[make(SERVICE_IDENTIFIER, 40)]),
    )

    both, alone = began.services
    identifiers = [avp.value for avp in both.every(SERVICE_IDENTIFIER)]
    assert (identifiers, both.number(RATING_GROUP)) == ([31, 32], 3)
    assert both.under(GRANTED_SERVICE_UNIT).number(CC_TOTAL_OCTETS) == 2 * MEGABYTE
    assert values(alone, SERVICE_IDENTIFIER, RATING_GROUP) == [40, None]


async def test_refusals_have_their_result_codes(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(RM)

    nobody = await Session.of(client, DATA, "60111111111").ask(INITIAL, 0, service(1))
    foreign = await Session.of(client, DATA, "4915112345678").ask(INITIAL, 0, service(1))
    nowhere = await Session.of(client, VOICE).ask(INITIAL, 0, calls("tel:+8612345678"))
    received = await Session.of(client, VOICE).ask(
        INITIAL, 0, calls("tel:+60198765432", make(ROLE_OF_NODE, 1))
    )
    unheard = await Session.of(client, DATA).ask(UPDATE, 1, service(1, used=1))
    await database.execute("UPDATE line SET suspended = true")
    suspended = await Session.of(client, DATA).ask(INITIAL, 0, service(1))

    results = [nobody.result, foreign.result, nowhere.result, received.result, unheard.result]
    assert results == [5030, 5030, 5031, 5031, 5002]
    assert suspended.result == 4010
    assert suspended.services[0].number(RESULT_CODE) == 4010


async def test_a_later_request_need_not_say_whose_it_is(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(RM)
    data = Session.of(client, DATA)
    await data.ask(INITIAL, 0, service(1))

    def without_number(number: int, used: int) -> list[object]:
        avps = data.avps(TERMINATION, number, service(1, used=used, more=False))
        return [avp for avp in avps if avp.code != 443]

    ended = await client.ask(*without_number(1, MEGABYTE))  # type: ignore[arg-type]

    assert ended.result == 2001
    assert await balance(database) == RM - 100_000


async def test_a_line_is_found_by_its_sim(
    client: Client, credit: Credit, database: Database
) -> None:
    await credit(RM)
    imsi, iccid = "502199000000001", "8960190000000000013"
    await database.execute(
        "INSERT INTO sim (iccid, imsi, kind, state, line_id, smdp_address, digest, shown)"
        " SELECT $1, $2, 1, 2, line_id, '', '', 0 FROM number WHERE msisdn = $3",
        iccid,
        imsi,
        MSISDN,
    )
    await database.execute("INSERT INTO sim_imsi VALUES ($1, $2)", imsi, iccid)
    await database.execute("UPDATE line SET iccid = $1", iccid)
    data = Session.of(client, DATA)

    def by_sim(which: str) -> list[object]:
        avps = [avp for avp in data.avps(INITIAL, 0, service(1)) if avp.code != 443]
        return [*avps, subscription(1, which)]

    unknown = await client.ask(*by_sim("502199000000002"))  # type: ignore[arg-type]
    found = await client.ask(*by_sim(imsi))  # type: ignore[arg-type]

    assert (unknown.result, found.result) == (5030, 2001)


async def test_a_session_that_ran_short_is_told_of_a_top_up_once(
    client: Client, credit: Credit
) -> None:
    await credit(RM)
    data = Session.of(client, DATA)
    await data.ask(INITIAL, 0, service(1))
    short = await data.ask(UPDATE, 1, service(1, used=10 * MEGABYTE))

    await credit(5 * RM)
    told = await asyncio.wait_for(client.asked.get(), 20)
    granted = await data.ask(UPDATE, 2, service(1))

    assert short.services[0].number(RESULT_CODE) == 4012
    assert told.header.command_code == Command.RE_AUTH
    assert told.fields.text(SESSION_ID) == data.name
    assert granted.services[0].number(RESULT_CODE) == 2001
    assert client.asked.empty()
