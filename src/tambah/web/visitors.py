"""Where a visitor comes from, as budgets are counted: a keyed digest of the address."""

from tambah.web.address import client_address, is_trusted, parse_proxies
from tambah.web.pages import AnyRequest
from tambah.web.site import Site


class Visitors:
    """Tells visitors apart; forwarded addresses are believed from the site's trusted proxies."""

    def __init__(self, site: Site) -> None:
        self._keys = site.keys
        self._proxies = parse_proxies(site.trusted_proxies)

    def source(self, request: AnyRequest) -> bytes:
        """Return the digest of the address that a request comes from."""
        address = client_address(
            request.client.host if request.client else None,
            request.headers.getall("x-forwarded-for", []),
            self._proxies,
        )
        return self._keys.digest("source", "address", address)

    def is_trusted(self, peer: str | None) -> bool:
        """Say whether the other end of a connection is a proxy whose word is believed."""
        return is_trusted(peer, self._proxies)
