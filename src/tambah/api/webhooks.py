"""`POST /webhooks/{provider}`: what payment providers tell us, each proved by its signature.

Plain ASGI: the signature is over the body as it came, byte for byte. 200 means durable; any other
answer has the provider send it again.
"""

import secrets
import traceback
from collections.abc import Mapping

import structlog

from tambah.api.refusals import encode_problem, headers_of, problem_of
from tambah.api.rest.request import ClientGone, Receive, Scope, Send, read_body
from tambah.domain.payment import ProviderId
from tambah.domain.refusals import (
    InternalError,
    MethodNotAllowed,
    PageNotFound,
    Refusal,
    Unavailable,
)
from tambah.store.database import CONNECTION_LOST, RETRYABLE
from tambah.web.site import Site

_log = structlog.get_logger()

MOST_BYTES = 512 * 1024
_PREFIX = "/webhooks/"
_PROVIDERS = {provider.name.lower(): provider for provider in ProviderId}


class Webhooks:
    """Answers every request under /webhooks/."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @staticmethod
    def owns(path: str) -> bool:
        """Say whether a path is a webhook's."""
        return path.startswith(_PREFIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        lines: list[tuple[bytes, bytes]] = [(b"cache-control", b"no-store")]
        try:
            heard = await self._hear(scope, receive)
            status, body = 200, b'{"heard": %d}' % heard
            lines.append((b"content-type", b"application/json"))
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the last resort of this door
            refusal = error if isinstance(error, Refusal) else _refusal_for(error)
            problem = problem_of(refusal, "en", self._site.rules.validity.zone)
            status, body = problem.status, encode_problem(problem)
            lines.append((b"content-type", b"application/problem+json"))
            lines += headers_of(refusal, self._site.clock.now())
        lines.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    async def _hear(self, scope: Scope, receive: Receive) -> int:
        provider = _PROVIDERS.get(scope["path"].removeprefix(_PREFIX))
        desk = self._site.payments
        if provider is None or desk is None or provider not in desk.providers.by_id:
            raise PageNotFound
        if scope["method"] != "POST":
            raise MethodNotAllowed(allow="POST")
        body = await read_body(receive, MOST_BYTES)
        return await desk.hear(provider, _headers(scope), body)


def _headers(scope: Scope) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): v.decode("latin-1") for name, v in scope["headers"]}


def _refusal_for(error: Exception) -> Refusal:
    """Say what an error that is no refusal means for the provider; log a bug with its trace."""
    if isinstance(error, (*CONNECTION_LOST, *RETRYABLE)):
        return Unavailable()
    incident = secrets.token_hex(4)
    trace = "".join(traceback.format_exception(error))
    _log.error("webhook_failed", incident=incident, trace=trace)
    return InternalError(incident=incident)
