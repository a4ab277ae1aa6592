"""What an authenticator app is shown: a QR code, and the same in letters."""

from __future__ import annotations

from typing import Any

import segno

from tambah.console.pages import ConsolePages
from tambah.engine.staff import totp_address
from tambah.web.pages import AnyRequest

_QUIET_MODULES = 4


def scanned(pages: ConsolePages, request: AnyRequest, totp: str, name: str) -> dict[str, Any]:
    """Return what `scan.html` shows of an authenticator's secret, for somebody of that name."""
    address = totp_address(totp, name=name, issuer=pages.site.operator.brand.name)
    title = pages.speak(request).get("console.invitation.qr")
    groups = [totp[at : at + 4] for at in range(0, len(totp), 4)]
    return {"qr": _draw_qr(address, title), "secret": groups}


def _draw_qr(text: str, title: str) -> str:
    """Return a QR code as SVG; the title is what is read out instead."""
    writer: Any = segno  # it has no types of its own
    svg: str = writer.make(text, error="m", micro=False).svg_inline(
        omitsize=True, border=_QUIET_MODULES, dark="#000", light="#fff", title=title
    )
    return svg.replace("<svg ", '<svg role="img" ', 1)
