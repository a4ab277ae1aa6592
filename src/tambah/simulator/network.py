"""What a switch, a packet core and a till would do, over the HTTP API."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

import httpx2

from tambah.simulator.day import Act, Kind
from tambah.simulator.report import Done

_TOO_MANY = 429
_UNAVAILABLE = 503
_TRIES = 5
_SECONDS = 30.0
_SERVICES = {Kind.CALL: "voice", Kind.BROWSE: "data"}
_MICROS_PER_SEN = 10_000


class Refused(Exception):
    """The service said no. code: of the refusal."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class HttpNetwork:
    """Does acts over HTTP. run: tells this run's names of sessions from any other's."""

    def __init__(self, url: str, api_key: str, run: str) -> None:
        self._client = httpx2.AsyncClient(
            base_url=url, timeout=_SECONDS, headers={"Authorization": f"Bearer {api_key}"}
        )
        self._run = run
        self._packages: list[str] | None = None

    async def __aenter__(self) -> Self:
        """Open the way."""
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the way."""
        await self._client.__aexit__(kind, error, trace)

    async def do(self, act: Act, name: str) -> Done:
        """Do an act; return what came of it. name: the act's own, within this run."""
        doing = _Doing(self._client, act, f"{self._run}-{name}")
        micros = 0
        refused = ""
        try:
            match act.kind:
                case Kind.CALL | Kind.BROWSE:
                    micros = await doing.use()
                case Kind.TEXT:
                    micros = await doing.text()
                case Kind.BUY:
                    micros = await self._buy(doing)
                case Kind.TOP_UP:
                    micros = await doing.top_up()
        except Refused as refusal:
            refused = refusal.code
        return Done(act.second, act.kind, micros, doing.requests, refused, doing.slowest)

    async def _buy(self, doing: _Doing) -> int:
        """Buy one of the packages that are on sale, the same for the same subscriber."""
        if self._packages is None:
            found = await doing.ask("GET", "/api/v1/packages")
            self._packages = [str(one["code"]) for one in found["items"]]
        if not self._packages:
            raise Refused("package_unknown")
        return await doing.buy(self._packages[int(doing.act.msisdn) % len(self._packages)])


class _Doing:
    """One act under way: its requests, counted and timed."""

    def __init__(self, client: httpx2.AsyncClient, act: Act, name: str) -> None:
        self._client = client
        self.act = act
        self._name = name
        self.requests = 0
        self.slowest = 0.0

    async def use(self) -> int:
        """Hold a session: reserve, report and ask again as often as need be, release."""
        used = await self._session("reserve", 0, 0)
        left, number = self.act.units, 0
        while left > 0 and used["units"] > 0:
            part = min(left, int(used["units"]))
            left -= part
            number += 1
            if left == 0 or used["final"]:
                used = await self._session("release", number, part)
                return int(used["charged"])
            used = await self._session("update", number, part)
        used = await self._session("release", number + 1, 0)
        return int(used["charged"])

    async def _session(self, step: str, number: int, part: int) -> dict[str, Any]:
        usage = {
            "rating_group": 1,
            "service": _SERVICES[self.act.kind],
            "to": self.act.to,
            "used": part,
            "more": step != "release",
        }
        body = {"step": step, "number": number, "usages": [usage]}
        path = f"/api/v1/lines/{self.act.msisdn}/sessions/{self._name}"
        answer = await self.ask("POST", path, body)
        grants = answer["grants"]
        units = int(grants[0]["units"]) if grants else 0
        return {
            "units": units,
            "final": bool(grants and grants[0]["final"]),
            "charged": _micros(answer["charged"]),
        }

    async def text(self) -> int:
        """Send a message, charged at once."""
        usage = {"rating_group": 1, "service": "sms", "to": self.act.to, "wanted": 1}
        path = f"/api/v1/lines/{self.act.msisdn}/charges/{self._name}"
        answer = await self.ask("POST", path, {"usages": [usage]})
        return _micros(answer["charged"])

    async def buy(self, package: str) -> int:
        """Buy a package from credit."""
        path = f"/api/v1/lines/{self.act.msisdn}/packages"
        answer = await self.ask("POST", path, {"package": package})
        return _micros(answer["price"])

    async def top_up(self) -> int:
        """Reload the number from the key's float."""
        amount = f"{self.act.amount_sen // 100}.{self.act.amount_sen % 100:02d}"
        body = {"amount": amount, "currency": "MYR", "reference": self._name}
        path = f"/api/v1/lines/{self.act.msisdn}/topups"
        await self.ask("POST", path, body)
        return self.act.amount_sen * _MICROS_PER_SEN

    async def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Send a request, and again while the service is busy. Raises Refused."""
        headers = {"Idempotency-Key": self._name}
        answer = await self._send(method, path, body, headers)
        for _ in range(_TRIES):
            if answer.status_code not in (_TOO_MANY, _UNAVAILABLE):
                break
            answer = await self._send(method, path, body, headers)
        document: dict[str, Any] = answer.json()
        if answer.is_error:
            raise Refused(str(document.get("code", answer.status_code)))
        return document

    async def _send(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> httpx2.Response:
        began = time.monotonic()
        answer = await self._client.request(method, path, json=body, headers=headers)
        self.requests += 1
        self.slowest = max(self.slowest, time.monotonic() - began)
        return answer


def _micros(amount: str) -> int:
    whole, _, fraction = amount.partition(".")
    return int(whole) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
