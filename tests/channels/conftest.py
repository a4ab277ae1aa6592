"""A house with one line and some cards, for doors that are no pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tambah.channels.talk import Utterance
from tambah.domain.rules import Rules
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tambah.web.site import Site
from tests.engine.books import add_cards, add_line
from tests.portal.conftest import ALICE, CODES, make_site


class NamedSpeech:
    """Says nothing, but names what it would say: `en/welcome.wav`."""

    async def files(self, tag: str, say: Sequence[Utterance]) -> list[Path]:
        """Return a file for each utterance."""
        return [Path("/prompts", one.tag or tag, f"{one.key}.wav") for one in say]


@pytest.fixture
async def site(engine: Engine, database: Database, rules: Rules, keys: Keys) -> Site:
    """Return a site with Alice's line and three RM10 cards."""
    await add_line(engine, database, ALICE)
    await add_cards(database, keys, CODES)
    return make_site(engine, database, rules, keys)
