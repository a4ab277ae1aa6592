"""The SMPP gateway against an SMSC of somebody else's making, killed and restarted."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import smpplib.client
import smpplib.consts
import smpplib.smpp
from aiosmpplib.protocol import PhoneNumber
from aiosmpplib.state import NPI, TON
from structlog.testing import capture_logs

from tambah.channels import notifier as notifier_module
from tambah.channels.gateway import GatewayUnavailable, Sms, Unanswered
from tambah.channels.notifier import Notifier
from tambah.channels.sms import session as session_module
from tambah.channels.sms.coding import decode_sms, encode_sms
from tambah.channels.sms.inbound import InboundSms
from tambah.channels.sms.pdu import Envelope, make_submit
from tambah.channels.sms.receipts import ReceiptBook
from tambah.channels.sms.smpp import SmppGateway
from tambah.config import Brand, GatewayEntry
from tambah.domain.line import Language
from tambah.engine.clock import Clock
from tambah.engine.keys import parse_peppers
from tambah.i18n.sms import render_sms
from tambah.i18n.texts import texts
from tambah.store.database import Database
from tambah.store.outbox import MessageState
from tambah.store.receipts import Receipt

from .smsc import PASSWORD, Smsc
from .test_coding import TEXTS

MSISDN = 60123456789
TEMPORARY, REFUSED = 0x64, 0x66
LANGUAGES = (Language.EN, Language.MS, Language.ZH_HANS, Language.TA)


@dataclass
class Book:
    """Receipts as they come, in memory."""

    written: list[Receipt] = field(default_factory=list)
    fails: bool = False
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, receipt: Receipt) -> None:
        if self.fails:
            raise ConnectionRefusedError
        self.written.append(receipt)
        self.came.set()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something in another process or task that has no event of its own."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@dataclass
class Ground:
    """An SMSC, a gateway bound to it, and what came in."""

    smsc: Smsc
    gateway: SmppGateway
    book: Book
    heard: list[InboundSms]
    fail: list[Exception]
    entry: GatewayEntry
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def bound(self, *, since: int = 0) -> None:
        await self.smsc.wait(lambda event: "bound" in event, since=since)
        await until(lambda: self.gateway.is_bound)


def sms(body: str, *, number: int = 1, line_id: int = 1, msisdn: int = MSISDN) -> Sms:
    return Sms(
        line_id=line_id,
        number=number,
        at=datetime.now(UTC),
        msisdn=msisdn,
        language=Language.EN,
        body=body,
    )


def entry_of(port: int, **fields: object) -> GatewayEntry:
    return msgspec.convert(
        {
            "name": "main",
            "kind": "smpp",
            "host": "127.0.0.1",
            "port": port,
            "system_id": "tambah",
            "source": "KampungTel",
            "enquire_seconds": 60,
            **fields,
        },
        GatewayEntry,
    )


@asynccontextmanager
async def running(gateway: SmppGateway) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(gateway.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


Make = Callable[..., Awaitable[Ground]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Make an SMSC with options and a gateway with entries bound to it."""
    made: list[Ground] = []

    async def build(options: dict[str, object] | None = None, **fields: object) -> Ground:
        smsc = await Smsc(tmp_path / "store.jsonl", **(options or {})).start()
        heard: list[InboundSms] = []
        fails: list[Exception] = []
        book = Book()

        async def on_inbound(message: InboundSms) -> None:
            if fails:
                raise fails[0]
            heard.append(message)

        entry = entry_of(smsc.port, **fields)
        gateway = SmppGateway(
            entry,
            PASSWORD,
            receipts=book,  # type: ignore[arg-type]
            on_inbound=on_inbound,
            clock=Clock(),
        )
        ground = Ground(smsc, gateway, book, heard, fails, entry)
        ground.tasks.append(asyncio.create_task(gateway.run()))
        made.append(ground)
        await ground.bound()
        return ground

    yield build
    for ground in made:
        for task in ground.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await ground.smsc.stop()


def put_together(stored: list[dict[str, Any]]) -> list[str]:
    """Return the whole texts that an SMSC was given, each part's heading read here by hand."""
    sets: dict[tuple[str, str], dict[int, tuple[bytes, int]]] = defaultdict(dict)
    for one in stored:
        heading = bytes.fromhex(one["heading"])
        if not heading:
            sets[(one["to"], f"alone {one['id']}")][1] = (
                bytes.fromhex(one["octets"]),
                one["data_coding"],
            )
            continue
        assert heading[:3] == b"\x05\x00\x03"
        key = (one["to"], heading[3:5].hex())
        sets[key][heading[5]] = (bytes.fromhex(one["octets"]), one["data_coding"])
        assert heading[4] >= heading[5] >= 1
    whole: list[str] = []
    for (_, name), parts in sets.items():
        assert name.startswith("alone") or len(parts) == int(name[2:], 16)
        (coding,) = {coding for _, coding in parts.values()}
        whole.append(decode_sms(b"".join(parts[n][0] for n in sorted(parts)), coding))
    return whole


# Messages out


async def test_texts_arrive_octet_by_octet_in_parts_that_make_the_whole(make: Make):
    ground = await make({"receipts": False})
    sent = [text for text in TEXTS if text]
    for number, text in enumerate(sent, 1):
        taken = await ground.gateway.hand_over(sms(text, number=number))
        assert len(taken.parts) == len(encode_sms(text, number).parts)
        assert (taken.gateway, taken.ref) == ("main", " ".join(taken.parts))
    stored = ground.smsc.stored()
    assert sorted(put_together(stored)) == sorted(sent)
    # The library's own reading of what needs no putting together: it is not our decoder.
    alone = [one for one in stored if not one["heading"] and one["data_coding"] == 8]
    assert sorted(one["read"] for one in alone) == sorted(
        text
        for text in sent
        if text.isprintable()
        and encode_sms(text, 1).data_coding == 8
        and len(encode_sms(text, 1).parts) == 1
    )
    assert {
        (one["from"], one["from_ton"], one["from_npi"], one["to"], one["to_ton"], one["to_npi"])
        for one in stored
    } == {("KampungTel", 5, 0, str(MSISDN), 1, 1)}
    assert {one["registered_delivery"] for one in stored} == {1}


@pytest.mark.parametrize("place", [place for place, text in enumerate(TEXTS) if text])
def test_smpplib_builds_the_same_pdus(place: int):
    """Each part's whole PDU against the one that another library builds of the same octets."""
    encoded = encode_sms(TEXTS[place], 7)
    envelope = Envelope(
        source=PhoneNumber("KampungTel", TON.ALPHANUMERIC, NPI.UNKNOWN),
        msisdn=MSISDN,
        data_coding=encoded.data_coding,
        esm_class=encoded.esm_class,
    )
    client = smpplib.client.Client("127.0.0.1", 1, allow_unknown_opt_params=True)
    for octets in encoded.parts:
        theirs = smpplib.smpp.make_pdu(
            "submit_sm",
            client=client,
            source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
            source_addr_npi=smpplib.consts.SMPP_NPI_UNK,
            source_addr="KampungTel",
            dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
            dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
            destination_addr=str(MSISDN),
            short_message=octets,
            data_coding=encoded.data_coding,
            esm_class=encoded.esm_class,
            registered_delivery=True,
        ).generate()
        number = int.from_bytes(theirs[12:16], "big")
        assert make_submit(envelope, octets)(number) == theirs


async def test_a_throttled_message_is_not_taken_and_the_next_ones_are_slowed(make: Make):
    ground = await make()
    await ground.smsc.do("refuse", statuses=[0x58])
    loop = asyncio.get_running_loop()
    with pytest.raises(GatewayUnavailable) as refused:
        await ground.gateway.hand_over(sms("one"))
    assert (refused.value.reason, refused.value.is_away) == ("throttled", True)
    began = loop.time()
    await ground.gateway.hand_over(sms("one"))
    assert loop.time() - began > 0.9
    await ground.smsc.do("refuse", statuses=[0x14])
    with pytest.raises(GatewayUnavailable, match="throttled"):
        await ground.gateway.hand_over(sms("two", number=2))


async def test_per_second_is_kept(make: Make):
    ground = await make(per_second=50)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(
        *(ground.gateway.hand_over(sms("x", number=number)) for number in range(26))
    )
    assert 0.48 < loop.time() - began < 2


@pytest.mark.parametrize(
    ("status", "reason", "is_permanent", "is_away"),
    [
        (0x0B, "rinvdstadr", True, False),
        (0x01, "rinvmsglen", True, False),
        (0x45, "rsubmitfail", False, False),
        (0x0A, "rinvsrcadr", False, False),
        (0x04, "rinvbndsts", False, True),
        (0x0400, "0x00000400", False, False),  # a vendor's own
    ],
)
async def test_a_refusal_says_whether_trying_again_helps(
    make: Make, status: int, reason: str, is_permanent: bool, is_away: bool
):
    ground = await make()
    await ground.smsc.do("refuse", statuses=[status])
    with pytest.raises(GatewayUnavailable) as refused:
        await ground.gateway.hand_over(sms("one"))
    assert (refused.value.reason, refused.value.is_permanent, refused.value.is_away) == (
        reason,
        is_permanent,
        is_away,
    )
    assert ground.smsc.stored() == []


async def test_a_text_too_long_for_any_number_of_parts_is_refused_for_good(make: Make):
    ground = await make()
    with pytest.raises(GatewayUnavailable) as refused:
        await ground.gateway.hand_over(sms("a" * 50_000))
    assert refused.value.is_permanent


async def test_a_message_goes_on_where_a_part_was_refused(make: Make):
    ground = await make({"receipts": False})
    await ground.smsc.do("refuse", statuses=[0, 0x58])
    text = "a" * 400
    with pytest.raises(GatewayUnavailable):
        await ground.gateway.hand_over(sms(text, number=300))
    taken = await ground.gateway.hand_over(sms(text, number=300))
    stored = ground.smsc.stored()
    assert [one["heading"] for one in stored] == [f"0500032c030{n}" for n in (1, 2, 3)]
    assert taken.parts == ("1", "2", "3")


async def test_an_answer_that_comes_late_is_not_asked_for_twice(make: Make):
    ground = await make({"receipts": False, "answerDelay": 300})
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await ground.gateway.hand_over(sms("one"))
    taken = await ground.gateway.hand_over(sms("one"))
    assert (taken.ref, len(ground.smsc.stored())) == ("1", 1)


async def test_no_more_than_the_window_is_unanswered(make: Make):
    ground = await make({"receipts": False, "answerDelay": 200}, window=3)
    sending = [
        asyncio.create_task(ground.gateway.hand_over(sms("x", number=number)))
        for number in range(9)
    ]
    most = 0
    while not all(task.done() for task in sending):
        unanswered = len(ground.smsc.stored()) - sum(task.done() for task in sending)
        most = max(most, unanswered)
        await asyncio.sleep(0.01)
    assert most == 3


async def test_a_lost_connection_leaves_it_open_what_was_unanswered(make: Make):
    ground = await make({"receipts": False, "answerDelay": 10_000})
    sending = asyncio.create_task(ground.gateway.hand_over(sms("one")))
    await until(lambda: bool(ground.smsc.stored()))
    before = len(ground.smsc.events)
    await ground.smsc.do("drop")
    with pytest.raises(Unanswered):
        await sending
    await ground.bound(since=before)


async def test_messages_wait_a_little_for_a_connection_and_are_then_put_off(make: Make):
    ground = await make()
    await ground.smsc.kill()
    await until(lambda: not ground.gateway.is_bound)
    waiting = asyncio.create_task(ground.gateway.hand_over(sms("one")))
    await asyncio.sleep(0)
    await ground.smsc.start()
    assert (await waiting).parts == ("1",)
    await ground.smsc.kill()
    with pytest.raises(GatewayUnavailable) as refused:
        await ground.gateway.hand_over(sms("two", number=2))
    assert (refused.value.reason, refused.value.is_away) == ("not_connected", True)


async def test_a_wrong_password_is_logged_and_tried_again(make: Make):
    ground = await make()
    wrong = SmppGateway(
        ground.entry,
        "guess",
        receipts=ground.book,  # type: ignore[arg-type]
        on_inbound=lambda _: asyncio.sleep(0),
        clock=Clock(),
    )
    with capture_logs() as logs:
        async with running(wrong):
            for _ in range(2):
                before = len(ground.smsc.events)
                await ground.smsc.wait(lambda event: "refused" in event, since=before)
            await asyncio.sleep(0.05)
    assert not wrong.is_bound
    # It closes at once: now and then the reset overtakes its answer.
    reasons = {str(entry["reason"]) for entry in logs if entry["event"] == "SMSC away"}
    assert {"rinvpaswd"} <= reasons <= {"rinvpaswd", "ConnectionResetError"}
    assert "guess" not in str(logs)


async def test_a_silent_smsc_is_asked_and_then_left(make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session_module, "ENQUIRE_ANSWER_SECONDS", 0.2)
    ground = await make(enquire_seconds=1)
    await ground.smsc.wait(lambda event: "enquired" in event)
    assert ground.gateway.is_bound
    before = len(ground.smsc.events)
    await ground.smsc.do("silence", on=True)
    await ground.smsc.wait(lambda event: "enquired" in event, since=before)
    await ground.bound(since=before)


async def test_an_smsc_that_asks_is_answered_and_leave_is_taken(make: Make):
    ground = await make()
    await ground.smsc.do("enquire")
    assert (await ground.smsc.wait(lambda e: "alive" in e))["alive"] == "enquire_link_resp"
    ground.tasks[0].cancel()
    await ground.smsc.wait(lambda event: "unbound" in event)


async def test_what_is_no_smpp_ends_the_connection_and_not_the_gateway(make: Make):
    ground = await make()
    before = len(ground.smsc.events)
    await ground.smsc.do("raw", hex="ffffffff" * 4)
    await ground.bound(since=before)
    await ground.smsc.do("raw", hex="00000010000001030000000000000009")  # query_sm's cousin
    assert (await ground.gateway.hand_over(sms("one"))).parts == ("1",)


# Messages and receipts in


def pdu(octets: bytes, *, data_coding: int = 0, esm_class: int = 0) -> dict[str, object]:
    return {
        "source_addr": str(MSISDN),
        "source_addr_ton": 1,
        "source_addr_npi": 1,
        "destination_addr": "123",
        "data_coding": data_coding,
        "esm_class": esm_class,
        "short_message": octets.hex(),
    }


@pytest.mark.parametrize(
    ("text", "data_coding", "octets"),
    [
        ("BAL €", 0, b"BAL \x1be"),
        ("余额", 8, "余额".encode("utf-16-be")),
        ("இருப்பு", 8, "இருப்பு".encode("utf-16-be")),
        ("café", 3, b"caf\xe9"),
    ],
)
async def test_a_message_comes_in(make: Make, text: str, data_coding: int, octets: bytes):
    ground = await make()
    assert await ground.smsc.deliver("a", **pdu(octets, data_coding=data_coding)) == 0
    (heard,) = ground.heard
    assert (heard.gateway, heard.sender, heard.text) == ("main", f"+{MSISDN}", text)
    assert heard.message_id is None
    assert datetime.now(UTC) - heard.at < timedelta(seconds=5)
    assert text not in repr(heard)
    assert str(MSISDN) not in repr(heard)


async def test_a_message_in_message_payload_comes_in(make: Make):
    ground = await make()
    sent = {**pdu(b""), "message_payload": b"TOPUP".hex()}
    assert await ground.smsc.deliver("a", **sent) == 0
    assert [heard.text for heard in ground.heard] == ["TOPUP"]


@pytest.mark.parametrize("error", [RuntimeError("x"), ValueError("x"), ConnectionResetError()])
async def test_a_message_that_we_could_not_deal_with_is_asked_for_again(
    make: Make, error: Exception
):
    ground = await make()
    ground.fail.append(error)
    assert await ground.smsc.deliver("a", **pdu(b"BAL")) == TEMPORARY
    ground.fail.clear()
    assert await ground.smsc.deliver("a", **pdu(b"BAL")) == 0
    assert [heard.text for heard in ground.heard] == ["BAL"]


async def test_duplicates_are_passed_on_for_the_keywords_to_know(make: Make):
    ground = await make()
    for _ in range(2):
        assert await ground.smsc.deliver("a", **pdu(b"BAL")) == 0
    assert len(ground.heard) == 2


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (2, 1, 0)])
async def test_parts_are_put_together_before_any_is_answered(make: Make, order: tuple[int, ...]):
    ground = await make()
    text = "值" * 66 + "😀" + "充" * 100  # a pair torn between two parts, as some handsets do
    octets = text.encode("utf-16-be")
    parts = [
        bytes((5, 0, 3, 9, 3, number + 1)) + octets[number * 134 : (number + 1) * 134]
        for number in range(3)
    ]
    answers = [
        asyncio.create_task(
            ground.smsc.deliver(f"p{n}", **pdu(parts[n], data_coding=8, esm_class=0x40))
        )
        for n in order
    ]
    assert await asyncio.gather(*answers) == [0, 0, 0]
    assert [heard.text for heard in ground.heard] == [text]


async def test_an_smsc_that_sends_part_after_part_is_not_kept_waiting_for_ever(
    make: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tambah.channels.sms.assembly.TOGETHER_SECONDS", 0.1)
    ground = await make()
    first, second = (bytes((5, 0, 3, 9, 2, n)) + b"TOP" * n for n in (1, 2))
    assert await ground.smsc.deliver("a", **pdu(first, esm_class=0x40)) == 0
    ground.fail.append(RuntimeError())
    assert await ground.smsc.deliver("b", **pdu(second, esm_class=0x40)) == TEMPORARY
    ground.fail.clear()
    assert await ground.smsc.deliver("b", **pdu(second, esm_class=0x40)) == 0
    assert [heard.text for heard in ground.heard] == ["TOPTOPTOP"]


async def test_what_is_no_text_is_taken_and_forgotten(make: Make):
    ground = await make()
    assert await ground.smsc.deliver("a", **pdu(b"\x01\x02", data_coding=4)) == 0
    assert await ground.smsc.deliver("b", **pdu(b"\x09\x00", esm_class=0x40)) == REFUSED
    assert await ground.smsc.deliver("c", **pdu(b"id:1 stat:ENROUTE", esm_class=0x20)) == 0
    assert (ground.heard, ground.book.written) == ([], [])


async def test_a_receipt_is_answered_once_it_is_written(make: Make):
    ground = await make({"receipts": False}, receipts_id="hex_to_decimal")
    ground.book.fails = True
    await ground.smsc.do("receipt", id=255, stat="DELIVRD")
    assert (await ground.smsc.wait(lambda e: "receipt" in e))["status"] == TEMPORARY
    ground.book.fails = False
    before = len(ground.smsc.events)
    await ground.smsc.do("receipt", id=255, stat="UNDELIV")
    assert (await ground.smsc.wait(lambda e: "receipt" in e, since=before))["status"] == 0
    assert ground.book.written == [
        Receipt(gateway="main", ref="255", state=MessageState.FAILED, reason="UNDELIV 000")
    ]


async def test_ids_in_hexadecimal_are_found_in_decimal_receipts(make: Make):
    ground = await make({"hex": True}, receipts_id="hex_to_decimal")
    taken = [await ground.gateway.hand_over(sms("x", number=number)) for number in range(12)]
    assert taken[-1].parts == ("12",)
    await until(lambda: len(ground.book.written) == 12)
    assert {one.ref for one in ground.book.written} == {one.parts[0] for one in taken}


# All together, on a real database


def body_of(line_id: int, language: Language) -> str:
    return render_sms(
        texts(language.tag),
        TEMPLATE,
        params_of(line_id),
        brand="KampungTel",
        price_prefix="RM0.00 ",
        zone=ZoneInfo("Asia/Kuala_Lumpur"),
    )


TEMPLATE = "credited_with_bonus"


def params_of(line_id: int) -> dict[str, object]:
    return {
        "credited_micros": line_id * 10_000,
        "bonus_micros": 2_000_000,
        "balance_micros": 1_234_560_000,
        "active_until": "2026-12-31T16:00:00+00:00",
        "receipt": f"23456{line_id:05d}",
    }


async def queue(database: Database, count: int) -> None:
    await database.execute(
        """
        INSERT INTO outbox (line_id, number, at, template, params, language, msisdn, state,
                            attempts, due_at)
        SELECT line_id, 1, now(), $1, params::jsonb, language, 60120000000 + line_id, 1, 0, now()
          FROM unnest($2::bigint[], $3::text[], $4::smallint[]) AS new (line_id, params, language)
        """,
        TEMPLATE,
        list(range(1, count + 1)),
        [json.dumps(params_of(line_id)) for line_id in range(1, count + 1)],
        [LANGUAGES[line_id % 4] for line_id in range(1, count + 1)],
    )


@pytest.mark.parametrize("options", [{}, {"receiptFirst": True}, {"hex": True}])
async def test_a_thousand_messages_survive_the_smscs_death(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, object],
):
    """None lost, none doubled beyond what was unanswered, receipts for all, nothing in the log."""
    # What an unanswered message waits before its next try is not what is tested here.
    monkeypatch.setattr(notifier_module, "PAUSES_SECONDS", (0.2,) * 7)
    count, window = 1000, 20
    await queue(database, count)
    smsc = await Smsc(tmp_path / "store.jsonl", again=True, **options).start()
    clock = Clock()
    book = ReceiptBook(database, clock)
    ids = "hex_to_decimal" if options.get("hex") else "same"
    gateway = SmppGateway(
        entry_of(smsc.port, window=window, receipts_id=ids),
        PASSWORD,
        receipts=book,
        on_inbound=lambda _: asyncio.sleep(0),
        clock=clock,
    )
    notifier = Notifier(
        database,
        Brand(name="KampungTel"),
        gateway,
        ZoneInfo("Asia/Kuala_Lumpur"),
        clock,
        keys=parse_peppers("11" * 32),
    )
    with capture_logs() as logs:
        async with running(gateway), AsyncExitStack() as ending:
            telling = asyncio.create_task(notifier.run())
            ending.push_async_callback(end, notifier, telling)
            for killed_at in (200, 500, 800):
                await until(lambda most=killed_at: len(smsc.stored()) >= most)
                await smsc.kill()
                await smsc.start()
            await wait_until_delivered(database, count)
    await smsc.stop()
    await book.close()

    stored = smsc.stored()
    expected = {
        str(60120000000 + line_id): body_of(line_id, LANGUAGES[line_id % 4])
        for line_id in range(1, count + 1)
    }
    arrived = defaultdict(list)
    for one in stored:
        arrived[one["to"]].append(one)
    assert {to: put_together_once(parts) for to, parts in arrived.items()} == expected
    copies = Counter((one["to"], one["heading"]) for one in stored)
    doubled = [key for key, number in copies.items() if number > 1]
    assert sum(number - 1 for number in copies.values()) <= 3 * window
    # Each copy is of another life of the SMSC's: the one before was under way when it died.
    for to, heading in doubled:
        runs = [one["run"] for one in arrived[to] if one["heading"] == heading]
        assert len(set(runs)) == len(runs)
    said = str(logs)
    assert "6012000" not in said
    assert "KampungTel" not in said


async def end(notifier: Notifier, telling: asyncio.Task[None]) -> None:
    notifier.stop()
    await telling


def put_together_once(stored: list[dict[str, Any]]) -> str:
    """Put a message together as a handset does: a part that comes twice counts once."""
    first = {one["heading"]: one for one in reversed(stored)}
    (text,) = put_together(list(first.values()))
    return text


async def wait_until_delivered(database: Database, count: int) -> None:
    for _ in range(600):
        rows = await database.fetch("SELECT state, count(*) FROM outbox GROUP BY state")
        states = {MessageState(row[0]): row[1] for row in rows}
        if states == {MessageState.DELIVERED: count}:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(states)
