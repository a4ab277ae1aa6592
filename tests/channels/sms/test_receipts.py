"""Receipts as SMSCs write them, and the pace that throttling sets."""

import asyncio

import pytest

from tambah.channels.gateway import GatewayUnavailable
from tambah.channels.sms import pace as pace_module
from tambah.channels.sms.pace import Pace
from tambah.channels.sms.pdu import MESSAGE_STATE, RECEIPTED_ID, Delivery, read_delivery
from tambah.channels.sms.receipts import Ids, is_notice, is_receipt, read_receipt
from tambah.store.outbox import MessageState

USUAL = (
    "id:0123456789 sub:001 dlvrd:001 submit date:2611300000 done date:2611300001"
    " stat:{} err:00B text:RM0.00 KampungTel: i"
)


def delivery(text: str = "", *, esm_class: int = 4, **options: bytes) -> Delivery:
    tags = {"id": RECEIPTED_ID, "state": MESSAGE_STATE}
    return Delivery(
        sender="60123456789",
        sender_ton=1,
        esm_class=esm_class,
        data_coding=0,
        body=text.encode("latin-1"),
        options={tags[name]: value for name, value in options.items()},
    )


@pytest.mark.parametrize(
    ("said", "state", "reason"),
    [
        ("DELIVRD", MessageState.DELIVERED, ""),
        ("delivrd", MessageState.DELIVERED, ""),
        ("EXPIRED", MessageState.FAILED, "EXPIRED 00B"),
        ("DELETED", MessageState.FAILED, "DELETED 00B"),
        ("UNDELIV", MessageState.FAILED, "UNDELIV 00B"),
        ("REJECTD", MessageState.FAILED, "REJECTD 00B"),
    ],
)
def test_the_usual_text_says_what_became_of_a_message(said: str, state: MessageState, reason: str):
    receipt = read_receipt(delivery(USUAL.format(said)), "g", Ids("same"))
    assert receipt is not None
    assert (receipt.ref, receipt.state, receipt.reason) == ("0123456789", state, reason)


@pytest.mark.parametrize("said", ["ENROUTE", "ACCEPTD", "UNKNOWN", "SOMETHING", ""])
def test_what_is_not_for_good_says_nothing(said: str):
    assert read_receipt(delivery(USUAL.format(said)), "g", Ids("same")) is None


@pytest.mark.parametrize("text", ["", "id: stat:DELIVRD", "hello", "stat:DELIVRD", "\xff\x00"])
def test_a_receipt_without_an_id_says_nothing(text: str):
    assert read_receipt(delivery(text), "g", Ids("same")) is None


@pytest.mark.parametrize(
    ("number", "state"),
    [(2, MessageState.DELIVERED), (5, MessageState.FAILED), (8, MessageState.FAILED)],
)
def test_optional_parameters_say_it_without_any_text(number: int, state: MessageState):
    found = read_receipt(delivery(id=b"abc\0", state=bytes((number,))), "g", Ids("same"))
    assert found is not None
    assert (found.ref, found.state) == ("abc", state)


def test_optional_parameters_come_before_the_text():
    found = read_receipt(
        delivery(USUAL.format("UNDELIV"), id=b"FF\0", state=b"\2"), "g", Ids("hex_to_decimal")
    )
    assert found is not None
    assert (found.ref, found.state) == ("255", MessageState.DELIVERED)


@pytest.mark.parametrize(
    ("receipts_id", "answered", "told"),
    [
        ("same", "00fF-1", "00fF-1"),
        ("hex_to_decimal", "1A2B", "6699"),
        ("hex_to_decimal", "1a2b", "0000006699"),
        ("hex_to_decimal", "00001A2B", "6699"),
        ("decimal_to_hex", "6699", "1A2B"),
        ("decimal_to_hex", "0006699", "1a2b"),
        ("decimal_to_hex", "no number", "no number"),
    ],
)
def test_an_id_is_one_however_it_is_written(receipts_id: str, answered: str, told: str):
    ids = Ids(receipts_id)
    assert ids.of_answer(answered) == ids.of_receipt(told)


def test_the_same_digits_are_two_ids_where_the_bases_differ():
    ids = Ids("hex_to_decimal")
    assert ids.of_answer("10") != ids.of_receipt("10")


@pytest.mark.parametrize(
    ("esm_class", "receipt", "notice"),
    [
        (0, False, False),
        (4, True, False),
        (0x44, True, False),
        (0x20, False, True),
        (8, False, True),
    ],
)
def test_receipts_are_told_from_messages(esm_class: int, receipt: bool, notice: bool):
    one = delivery(esm_class=esm_class)
    assert (is_receipt(one), is_notice(one)) == (receipt, notice)


@pytest.mark.parametrize("body", [b"", b"\0", b"\0\1\1" + b"6" * 30, b"\0" * 12])
def test_what_is_no_delivery_is_refused(body: bytes):
    with pytest.raises(ValueError, match="not a deliver_sm"):
        read_delivery(body)


# The pace


async def test_throttling_widens_the_gap_once_for_all_that_was_under_way(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(pace_module, "HOLD_SECONDS", 0.0)
    pace = Pace(0)
    for _ in range(10):
        pace.slow_down(0.05)
    assert pace._gap == pytest.approx(0.02)
    await asyncio.sleep(0.06)
    pace.slow_down(0.05)
    assert pace._gap == pytest.approx(0.04)
    for _ in range(30):
        pace.speed_up()
    assert pace._gap == 0.0


async def test_the_agreed_pace_is_never_exceeded():
    pace = Pace(100)
    pace.slow_down(0.0)
    for _ in range(100):
        pace.speed_up()
    assert pace._gap == pytest.approx(0.01)


async def test_a_turn_too_far_off_is_not_waited_for():
    pace = Pace(0)
    pace.slow_down(60.0)
    with pytest.raises(GatewayUnavailable) as refused:
        await pace.turn()
    assert (refused.value.reason, refused.value.is_away) == ("throttled", True)
