"""Receipts: what an SMSC says of a message, and the way of that into the outbox."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

from tambah.channels.sms.pdu import MESSAGE_STATE, RECEIPTED_ID, Delivery
from tambah.engine.clock import Clock
from tambah.store.database import CONNECTION_LOST, Connection, Database
from tambah.store.outbox import MessageState
from tambah.store.receipts import Receipt, write_receipts

_RECEIPT, _KIND = 0x04, 0x3C
_STATES_BY_NUMBER = {2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 8: "REJECTD"}
# What is under way, accepted or unknown says nothing for good.
_ENDS = {
    "DELIVRD": MessageState.DELIVERED,
    "EXPIRED": MessageState.FAILED,
    "DELETED": MessageState.FAILED,
    "UNDELIV": MessageState.FAILED,
    "REJECTD": MessageState.FAILED,
}
_FIELD = re.compile(r"\b(id|stat|err):\s*(\S+)", re.IGNORECASE)
_BASES = {"same": None, "hex_to_decimal": (16, 10), "decimal_to_hex": (10, 16)}


def is_receipt(delivery: Delivery) -> bool:
    """Say whether a deliver_sm is a receipt of the SMSC's, not a subscriber's message."""
    return delivery.esm_class & _KIND == _RECEIPT


def is_notice(delivery: Delivery) -> bool:
    """Say whether it is anything else that is no subscriber's message."""
    return bool(delivery.esm_class & _KIND) and not is_receipt(delivery)


class Ids:
    """How an SMSC writes one id in two places. receipts_id: as operator.toml has it."""

    def __init__(self, receipts_id: str) -> None:
        self._bases = _BASES[receipts_id]

    def of_answer(self, text: str) -> str:
        """Return the one form of an id that a submit_sm_resp gave."""
        return text if self._bases is None else _as_number(text, self._bases[0])

    def of_receipt(self, text: str) -> str:
        """Return the one form of an id that the text of a receipt gave."""
        return text if self._bases is None else _as_number(text, self._bases[1])


def _as_number(text: str, base: int) -> str:
    """Write an id as a plain number; leading zeros and capitals do not count."""
    try:
        return str(int(text, base))
    except ValueError:
        return text


def read_receipt(delivery: Delivery, gateway: str, ids: Ids) -> Receipt | None:
    """Return what a receipt says, None when it says nothing for good or names no message.

    The optional parameters come before the text: an id there is written as in the answer.
    """
    text = delivery.body.decode("latin-1")
    fields = {name.lower(): value for name, value in _FIELD.findall(text)}
    option = delivery.options.get(RECEIPTED_ID, b"").partition(b"\0")[0].decode("latin-1").strip()
    ref = ids.of_answer(option) if option else ids.of_receipt(fields.get("id", ""))
    number = delivery.options.get(MESSAGE_STATE, b"")[:1]
    said = _STATES_BY_NUMBER.get(number[0], "") if number else fields.get("stat", "").upper()
    state = _ENDS.get(said)
    if not ref or state is None:
        return None
    failed = state is MessageState.FAILED
    reason = " ".join([said, fields.get("err", "")[:20]]).strip() if failed else ""
    return Receipt(gateway=gateway, ref=ref, state=state, reason=reason)


class ReceiptBook:
    """Writes receipts into the outbox; those that come during one write form the next."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._connection: Connection | None = None
        self._waiting: list[tuple[Receipt, asyncio.Future[None]]] = []
        self._writing = asyncio.Lock()

    async def write(self, receipt: Receipt) -> None:
        """Return once the receipt is there for good. Raises what a database raises."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((receipt, written))
        async with self._writing:
            if not written.done():
                await self._write()
        await written

    async def close(self) -> None:
        """Close the connection; the next receipt opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*CONNECTION_LOST):
                await connection.close()

    async def _write(self) -> None:
        """Write all that wait and tell them, whatever happens."""
        batch, self._waiting = self._waiting, []
        error: BaseException | None = ConnectionError("not written")
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._database.connect_writer(timeout_seconds=20)
            receipts = [receipt for receipt, _ in batch]
            await write_receipts(self._connection, receipts, offset=self._clock.offset)
            error = None
        except Exception as failed:  # noqa: BLE001 - told to everybody who waits
            error = failed
        finally:
            for _, written in batch:
                if written.done():
                    continue
                if error is None:
                    written.set_result(None)
                else:
                    written.set_exception(error)
                    written.exception()
