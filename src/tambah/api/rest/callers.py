"""Who calls: API keys, looked up by digest and remembered for two seconds."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from tambah.domain.guessing import Audience
from tambah.domain.refusals import KeyUnknown, ScopeMissing
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tambah.store.views.api_keys import read_api_key

REMEMBERED_SECONDS = 2.0
"""How long a key that was revoked may still work in this process."""

MOST_REMEMBERED = 10_000
MOST_KEY_BYTES = 200
_SCHEME = b"bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A partner's program.

    name: whose request keys its own are among. audience: for whom it speaks when it tries a
    recharge code. source: keyed digest that its wrong codes are counted under; the address it
    calls from is none, for a partner calls from many and many may share one.
    """

    partner_id: int
    name: str
    scopes: frozenset[str]
    audience: Audience
    source: bytes
    is_suspended: bool

    def require(self, scope: str) -> None:
        """Raises ScopeMissing unless the key has the scope."""
        if scope not in self.scopes:
            raise ScopeMissing(scope=scope)


class Callers:
    """The keys in use. Only digests of keys are held."""

    def __init__(
        self, database: Database, keys: Keys, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._keys = keys
        self._monotonic = monotonic
        self._known: dict[bytes, tuple[float, Caller | None]] = {}
        self._asking: dict[bytes, asyncio.Task[Caller | None]] = {}

    async def authenticate(self, authorization: bytes | None) -> Caller:
        """Return who an Authorization header speaks for. Raises KeyUnknown."""
        digest = self._digest(authorization)
        known = self._known.get(digest)
        if known is not None and self._monotonic() < known[0]:
            caller = known[1]
        else:
            caller = await self._look_up(digest)
        if caller is None:
            raise KeyUnknown
        return caller

    def _digest(self, authorization: bytes | None) -> bytes:
        if authorization is None or authorization[:7].lower() != _SCHEME:
            raise KeyUnknown
        key = authorization[7:].strip()
        if not key or len(key) > MOST_KEY_BYTES:
            raise KeyUnknown
        return self._keys.digest("api_key", key)

    async def _look_up(self, digest: bytes) -> Caller | None:
        """Ask the database, once for all requests that wait for the same key."""
        task = self._asking.get(digest)
        if task is None:
            task = asyncio.create_task(self._ask(digest))
            self._asking[digest] = task
            task.add_done_callback(lambda _: self._asking.pop(digest, None))
        return await asyncio.shield(task)

    async def _ask(self, digest: bytes) -> Caller | None:
        # Counted from before the question, so that a revocation is never seen later than said.
        until = self._monotonic() + REMEMBERED_SECONDS
        view = await read_api_key(self._database, digest)
        caller: Caller | None = None
        if view is not None:
            caller = Caller(
                partner_id=view.partner_id,
                name=f"partner:{view.partner_id}",
                scopes=view.scopes,
                audience=Audience.OWN if view.speaks_for_lines else Audience.GUEST,
                source=self._keys.digest("source", "partner", str(view.partner_id)),
                is_suspended=view.partner_suspended,
            )
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()  # a flood of made-up keys
        self._known[digest] = (until, caller)
        return caller
