"""What carries SMS here, by operator.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tambah.channels.gateway import Gateway
from tambah.channels.sms.http_gateway import HttpGateway
from tambah.channels.sms.inbound import OnInbound
from tambah.channels.sms.receipts import ReceiptBook
from tambah.channels.sms.smpp import SmppGateway
from tambah.channels.sms.webhook import SmsWebhook
from tambah.config import SMS_GATEWAYS, GatewayEntry, gateway_secret
from tambah.engine.clock import Clock
from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsHouse:
    """The gateways for SMS. sender: takes our messages, None when nobody does.

    transceivers: each is to be run by one process that does what happens by the clock; those that
    send nothing bring messages and receipts all the same.
    """

    sender: Gateway | None
    transceivers: tuple[SmppGateway, ...]
    posters: tuple[HttpGateway, ...]
    webhook: SmsWebhook
    receipts: ReceiptBook

    async def close(self) -> None:
        """Close what is open, the transceivers' runs apart."""
        for poster in self.posters:
            await poster.close()
        await self.receipts.close()


def build_sms(
    entries: Sequence[GatewayEntry],
    secrets: Mapping[str, str],
    *,
    database: Database,
    clock: Clock,
    on_inbound: OnInbound,
    trusted_proxies: Sequence[str] = (),
) -> SmsHouse:
    """Return what operator.toml's gateways make. The first that can send, sends everything."""
    receipts = ReceiptBook(database, clock)
    senders: list[Gateway] = []
    for entry in entries:
        secret = gateway_secret(entry, secrets)
        if entry.kind == "smpp":
            senders.append(
                SmppGateway(entry, secret, receipts=receipts, on_inbound=on_inbound, clock=clock)
            )
        elif entry.kind in SMS_GATEWAYS and entry.url:
            senders.append(HttpGateway(entry, secret))
    return SmsHouse(
        sender=senders[0] if senders else None,
        transceivers=tuple(one for one in senders if isinstance(one, SmppGateway)),
        posters=tuple(one for one in senders if isinstance(one, HttpGateway)),
        webhook=SmsWebhook(
            entries,
            secrets,
            receipts=receipts,
            on_inbound=on_inbound,
            clock=clock,
            trusted_proxies=trusted_proxies,
        ),
        receipts=receipts,
    )
