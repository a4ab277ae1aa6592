"""Whatever is sent, the answer is one that the specification has, and never a fault of ours."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import booleans
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import response_schema_conformance

from tambah.app import build_nchf
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tambah.web.site import Site
from tests.conftest import Fresh
from tests.engine.books import RM, add_line

from . import spec
from .conftest import ALICE, BASE, INTERNET, TOKEN, Core, asked, credit, make_operator

EXAMPLES = 25
PATHS = [
    "/chargingdata",
    "/chargingdata/{ChargingDataRef}/update",
    "/chargingdata/{ChargingDataRef}/release",
]
KNOWN = {"status": 0}

pytestmark = pytest.mark.skipif(not spec.IS_THERE, reason="TAMBAH_SPECS_DIR has no bundle")


class LivingDoor:
    """The door with its engine on the event loop that schemathesis calls it on."""

    def __init__(self, dsn: str, rules: Rules, keys: Keys) -> None:
        self.dsn, self.rules, self.keys = dsn, rules, keys
        self.door: Any = None
        self.reference = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or start and stop."""
        if scope["type"] == "http":
            await self.door(scope, receive, send)
            return
        await receive()
        database = Database(self.dsn)
        await database.open(readers=4)
        clock = Clock()
        engine = Engine(database, rules=self.rules, keys=self.keys, clock=clock)
        await engine.start()
        site = Site(
            engine=engine,
            database=database,
            rules=self.rules,
            operator=make_operator(self.keys),
            keys=self.keys,
            clock=clock,
            public_url="",
        )
        await add_line(engine, database, ALICE)
        await credit(site, 100 * RM)
        self.door = build_nchf(site)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await engine.stop()
        await database.close()
        await send({"type": "lifespan.shutdown.complete"})


@pytest.fixture
def door(fresh: Fresh, rules: Rules, keys: Keys) -> Iterator[LivingDoor]:
    """Return the door on a fresh database."""
    yield LivingDoor(fresh.dsn, rules, keys)
    shutdown_lifespans()


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector out: modules that are loaded late are rewritten by pytest, and
    in CPython 3.11 a collection in the middle of that can end in a SystemError (gh-106905)."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", PATHS)
def test_no_answer_is_a_fault_of_ours(door: LivingDoor, path: str, mode: Any) -> None:
    document = {
        **spec.bundle(),
        "servers": [{"url": f"http://testserver{BASE.removesuffix('/chargingdata')}"}],
    }
    with uncollected():
        schema = schemathesis.openapi.from_dict(document)
    schema.app = door
    headers = {"Authorization": f"Bearer {TOKEN}"}
    statuses: list[int] = []
    reference = ""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=schema[path]["POST"].as_strategy(generation_mode=mode),
        is_hers=booleans(),
        is_there=booleans(),
    )
    def send(case: Any, is_hers: bool, is_there: bool) -> None:
        nonlocal reference
        if is_hers and isinstance(case.body, dict):
            # Whom it is about is drawn at random else, and never anybody.
            case.body["subscriberIdentifier"] = f"msisdn-{ALICE}"
        if not reference and "Ref" in path:
            body = Core(None).request(asked(INTERNET, 1000))  # type: ignore[arg-type]
            made = schema[PATHS[0]]["POST"].Case(body=body, media_type="application/json")
            reference = made.call(headers=headers).headers["location"][0].split("/")[-1]
        if is_there and "Ref" in path:
            case.path_parameters = {"ChargingDataRef": reference}
        answer = case.call(headers=headers)
        statuses.append(answer.status_code)
        case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])

    send()
    assert set(statuses) <= {200, 201, 204, 400, 403, 404, 405, 413, 415}
    # What is drawn to be wrong may be wrong in one way alone.
    assert mode is GenerationMode.NEGATIVE or len(set(statuses)) > 1
