"""The engine: commands in, answers out; the only way by which money changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import overload

from tambah.domain.care_commands import (
    AllowReactivation,
    AskRecovery,
    AskSignIn,
    MoveTopUp,
    PreferencesSet,
    Proved,
    SetOwnBar,
    SetPreferences,
    SignedIn,
    TellLine,
    Told,
    TryRecovery,
    TrySignIn,
)
from tambah.domain.charging_commands import (
    ChargeEvent,
    CloseSession,
    RefundEvent,
    ReleaseUnits,
    ReserveUnits,
    SessionClosed,
    UnitsGranted,
    UpdateUnits,
)
from tambah.domain.commands import (
    BY_LINE,
    BY_PARTNER,
    ActivateLine,
    AdjustCredit,
    AgeLine,
    BarLine,
    Command,
    Credited,
    Funded,
    FundFromBank,
    FundPartner,
    Imported,
    ImportLine,
    LineChanged,
    OpenPayment,
    Outcome,
    PaymentNews,
    PaymentStands,
    RedeemVoucher,
    RefundPayment,
    Reversed,
    ReverseTopUp,
    TopUp,
    TopUpMoved,
)
from tambah.domain.dealer_commands import (
    CardSold,
    CommissionPaid,
    FloatMoved,
    MoveFloat,
    PayCommission,
    SaleUndone,
    SellCard,
    UndoSale,
)
from tambah.domain.package_commands import (
    BuyPackage,
    PackageBought,
    PackageRefunded,
    RefundPackage,
    RenewalSet,
    SetRenewal,
)
from tambah.domain.refusals import Busy, Unavailable
from tambah.domain.rules import Rules
from tambah.domain.sim_commands import (
    EsimCode,
    ReplaceSim,
    ReportInstalled,
    ShowEsimCode,
    SimReplaced,
    SimStands,
)
from tambah.engine.answers import content_digest, request_digest
from tambah.engine.clock import Clock
from tambah.engine.keys import Keys
from tambah.engine.lane import Lane
from tambah.engine.pending import Pending
from tambah.store.database import Database

PATIENCE_SECONDS = 15.0


class Engine:
    """Collects commands into batches, one lane (one writer, one batch at a time) for each shard.

    On a single PostgreSQL one lane is best; on Citus one for each shard group. The queue is
    bounded: a caller beyond `queue_limit` is refused with Busy at once.
    """

    def __init__(
        self,
        database: Database,
        *,
        rules: Rules,
        keys: Keys,
        clock: Clock,
        lanes: int = 1,
        queue_limit: int = 2000,
    ) -> None:
        self._keys = keys
        self._rules = rules
        self._queue_limit = max(queue_limit, 1)
        self._accepting = False
        self.on_messages: Callable[[], object] = _nothing
        self._lanes = [
            Lane(
                database, rules=lambda: self._rules, keys=keys, clock=clock, on_messages=self._told
            )
            for _ in range(lanes)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the lanes; commands are accepted from now on."""
        self._tasks = [asyncio.create_task(lane.run()) for lane in self._lanes]
        self._accepting = True

    async def stop(self) -> None:
        """Accept nothing more, answer everything that waits, and end."""
        self._accepting = False
        for lane in self._lanes:
            lane.finish()
        await asyncio.gather(*self._tasks)
        self._tasks = []

    @property
    def rules(self) -> Rules:
        """Return the rules by which the next batch is decided."""
        return self._rules

    def renew(self, rules: Rules) -> None:
        """Decide by other rules from the next batch on; one under way keeps to its own."""
        self._rules = rules

    @property
    def waiting(self) -> int:
        """Return how many commands wait for a batch."""
        return sum(lane.waiting for lane in self._lanes)

    @property
    def is_writing(self) -> bool:
        """Say whether every lane has its connection: what /readyz asks."""
        return self._accepting and all(lane.is_connected for lane in self._lanes)

    @overload
    async def submit(self, command: RedeemVoucher | TopUp) -> Credited: ...
    @overload
    async def submit(self, command: FundPartner) -> Funded: ...
    @overload
    async def submit(self, command: FundFromBank) -> Funded: ...
    @overload
    async def submit(self, command: SellCard) -> CardSold: ...
    @overload
    async def submit(self, command: UndoSale) -> SaleUndone: ...
    @overload
    async def submit(self, command: MoveFloat) -> FloatMoved: ...
    @overload
    async def submit(self, command: PayCommission) -> CommissionPaid: ...
    @overload
    async def submit(self, command: ImportLine) -> Imported: ...
    @overload
    async def submit(
        self,
        command: ActivateLine | AdjustCredit | BarLine | SetOwnBar | AgeLine | AllowReactivation,
    ) -> LineChanged: ...
    @overload
    async def submit(self, command: ReverseTopUp) -> Reversed: ...
    @overload
    async def submit(self, command: MoveTopUp) -> TopUpMoved: ...
    @overload
    async def submit(
        self, command: OpenPayment | PaymentNews | RefundPayment
    ) -> PaymentStands: ...
    @overload
    async def submit(self, command: AskSignIn | AskRecovery | TellLine) -> Told: ...
    @overload
    async def submit(self, command: TrySignIn) -> SignedIn: ...
    @overload
    async def submit(self, command: TryRecovery) -> Proved: ...
    @overload
    async def submit(self, command: SetPreferences) -> PreferencesSet: ...
    @overload
    async def submit(self, command: ReplaceSim) -> SimReplaced: ...
    @overload
    async def submit(self, command: ShowEsimCode) -> EsimCode: ...
    @overload
    async def submit(self, command: ReportInstalled) -> SimStands: ...
    @overload
    async def submit(
        self, command: ReserveUnits | UpdateUnits | ReleaseUnits | ChargeEvent | RefundEvent
    ) -> UnitsGranted: ...
    @overload
    async def submit(self, command: CloseSession) -> SessionClosed: ...
    @overload
    async def submit(self, command: BuyPackage) -> PackageBought: ...
    @overload
    async def submit(self, command: SetRenewal) -> RenewalSet: ...
    @overload
    async def submit(self, command: RefundPackage) -> PackageRefunded: ...
    async def submit(self, command: Command) -> Outcome:
        """Have a command decided; return its outcome once it is durable.

        A repeat of caller and key on the same line gets the first answer again. Raises the
        Refusal that the rules give; Busy when the queue is full; Unavailable when the database
        stays away, and then the same key may be sent again.
        """
        return await self.enqueue(command)

    def enqueue(self, command: Command) -> asyncio.Future[Outcome]:
        """Put a command in its lane's queue; the future is its answer. Raises Busy."""
        if not self._accepting:
            raise Unavailable
        lane = self._lane_of(command)
        if lane.waiting >= self._queue_limit:
            raise Busy
        loop = asyncio.get_running_loop()
        request_key: str = getattr(command, "request_key", "")
        digest = content = b""
        if request_key:
            digest = request_digest(self._keys, getattr(command, "caller", ""), request_key)
            content = content_digest(self._keys, command)
        future: asyncio.Future[Outcome] = loop.create_future()
        lane.put(Pending(command, digest, content, future, loop.time() + PATIENCE_SECONDS))
        return future

    def _lane_of(self, command: Command) -> Lane:
        if len(self._lanes) == 1:
            return self._lanes[0]
        if isinstance(command, BY_PARTNER):
            owner = command.partner_id
        elif isinstance(command, BY_LINE):
            owner = command.line_id
        else:
            owner = command.msisdn
        return self._lanes[owner % len(self._lanes)]

    def _told(self) -> None:
        self.on_messages()


def _nothing() -> None:
    """Stand in until somebody wants to know of new messages."""
