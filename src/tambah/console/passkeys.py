"""What pages need to ask for a passkey: what a browser wants to know, and what it sends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Response

from tambah.domain.passkey import Passkey
from tambah.domain.refusals import PageNotFound
from tambah.domain.staff import Staff
from tambah.engine.staff import (
    Asked,
    Shown,
    creation_options,
    relying_party,
    request_options,
)
from tambah.web.site import Site

_MOST_SENT = 12 * 1024
"""Characters of what a browser sends; a form as a whole may have a little more."""


class Passkeys:
    """Asks for passkeys in the name of the site. is_possible: its address allows them."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._party = relying_party(site.public_url, site.operator.brand.name)

    @property
    def is_possible(self) -> bool:
        """Say whether browsers make passkeys for the site's address."""
        return self._party is not None

    def ask(self, purpose: str, bound_to: bytes = b"", having: Iterable[Passkey] = ()) -> Any:
        """Answer a script that wants a passkey shown. Raises PageNotFound."""
        site = self._site
        asked = self._asked(purpose, bound_to)
        return _json(request_options(site.keys, asked, having, site.clock.now()))

    def ask_new(
        self, purpose: str, bound_to: bytes, staff: Staff, having: Iterable[Passkey] = ()
    ) -> Any:
        """Answer a script that wants a passkey made. Raises PageNotFound."""
        site = self._site
        asked = self._asked(purpose, bound_to)
        return _json(creation_options(site.keys, asked, staff, having, site.clock.now()))

    def shown(
        self, fields: Mapping[str, str], purpose: str, bound_to: bytes = b""
    ) -> Shown | None:
        """Return what a form brought of a passkey, None for nothing."""
        sent = fields.get("passkey", "")
        if not sent or self._party is None:
            return None
        return Shown(asked=self._asked(purpose, bound_to), sent=sent[:_MOST_SENT])

    def _asked(self, purpose: str, bound_to: bytes) -> Asked:
        if self._party is None:
            raise PageNotFound
        return Asked(party=self._party, purpose=purpose, bound_to=bound_to)


def _json(text: str) -> Response[bytes]:
    headers = {"cache-control": "no-store"}
    return Response(text.encode(), media_type="application/json", headers=headers)
