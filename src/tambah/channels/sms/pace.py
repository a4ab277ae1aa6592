"""How fast a gateway is fed: as agreed, and slower once it says that it is too fast."""

import asyncio

from tambah.channels.gateway import GatewayUnavailable

HOLD_SECONDS = 1.0
PATIENCE_SECONDS = 5.0
_FIRST_GAP_SECONDS = 0.02
_WIDEST_GAP_SECONDS = 1.0
_RECOVERY = 0.8


class Pace:
    """Gives turns. per_second: as agreed with the gateway, 0 for no limit.

    Told to slow down, it gives none for a second and doubles the gap between two; each message
    taken narrows the gap again.
    """

    def __init__(self, per_second: int) -> None:
        self._least = 1 / per_second if per_second else 0.0
        self._gap = self._least
        self._next_at = 0.0
        self._held_until = 0.0

    async def turn(self) -> None:
        """Wait for one's turn. Raises GatewayUnavailable when that would take too long."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_at, self._held_until)
        if at - now > PATIENCE_SECONDS:
            raise GatewayUnavailable("throttled", is_away=True)
        self._next_at = at + self._gap
        if at > now:
            await asyncio.sleep(at - now)

    def slow_down(self, seconds: float = HOLD_SECONDS) -> None:
        """Heed a throttling answer; those to what was under way with it count as one."""
        now = asyncio.get_running_loop().time()
        if now < self._held_until:
            return
        self._held_until = now + seconds
        self._gap = min(max(2 * self._gap, _FIRST_GAP_SECONDS), _WIDEST_GAP_SECONDS)

    def speed_up(self) -> None:
        """Note that a message was taken."""
        if self._gap > self._least:
            narrower = self._gap * _RECOVERY
            self._gap = self._least if narrower < _FIRST_GAP_SECONDS / 10 else narrower
            self._gap = max(self._gap, self._least)
