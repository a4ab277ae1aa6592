"""QR codes as pages of the console show them."""

from __future__ import annotations

from typing import Any

import segno

_QUIET_MODULES = 4


def draw_qr(text: str, title: str) -> str:
    """Return a QR code as SVG; the title is what is read out instead."""
    writer: Any = segno  # it has no types of its own
    svg: str = writer.make(text, error="m", micro=False).svg_inline(
        omitsize=True, border=_QUIET_MODULES, dark="#000", light="#fff", title=title
    )
    return svg.replace("<svg ", '<svg role="img" ', 1)
