"""Applications for tests, built once for each site: building one takes longer than most tests do.

Every browser of one site meets the same application, as it would a process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from tambah.web.site import Site

_MOST_KEPT = 4
_kept: OrderedDict[tuple[str, int], tuple[Site, Any]] = OrderedDict()


def app_of(door: str, site: Site, build: Callable[[Site], Any]) -> Any:
    """Return the application of a door and a site, built if it is not there yet."""
    key = (door, id(site))
    held = _kept.get(key)
    # The site is kept beside it, so that no other has its id meanwhile.
    if held is None:
        held = (site, build(site))
        _kept[key] = held
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return held[1]
