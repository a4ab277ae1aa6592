"""Builds everything; nothing else knows every part."""

from tambah.app.asgi import build_asgi
from tambah.app.base import (
    DEMO_OPERATOR,
    Base,
    check_peppers,
    find_base,
    read_keys,
    read_rules,
)
from tambah.app.house import House, open_house
from tambah.app.nchf import build_nchf, serve_nchf
from tambah.app.serving import listen, serve, spare_collector, url_of

__all__ = [
    "DEMO_OPERATOR",
    "Base",
    "House",
    "build_asgi",
    "build_nchf",
    "check_peppers",
    "find_base",
    "listen",
    "open_house",
    "read_keys",
    "read_rules",
    "serve",
    "serve_nchf",
    "spare_collector",
    "url_of",
]
