"""Whatever is sent, the answer is one that the document foresees, and never a fault of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import booleans
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tambah.api.rest import Api
from tambah.api.rest.openapi import document
from tambah.api.rest.routes import ROUTES, Route
from tambah.domain.rules import Rules
from tambah.domain.voucher import check_digit
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.store.database import Database
from tests.conftest import Fresh
from tests.engine.books import add_cards, add_line, add_partner

from .conftest import ALICE, KEY, SCOPES, add_key, make_site

EXAMPLES = 80
THERE = {"msisdn": str(ALICE), "serial": "0001-00000001", "reference": "r1", "session": "s1"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class LivingApi:
    """The API with its engine on the event loop that schemathesis calls it on."""

    def __init__(self, dsn: str, rules: Rules, keys: Keys) -> None:
        self.dsn = dsn
        self.rules = rules
        self.keys = keys
        self.api: Api | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or start and stop."""
        if scope["type"] == "http":
            assert self.api is not None
            await self.api(scope, receive, send)
            return
        await receive()
        database = Database(self.dsn)
        await database.open(readers=4)
        engine = Engine(database, rules=self.rules, keys=self.keys, clock=Clock())
        await engine.start()
        await self._fill(database, engine)
        self.api = Api(make_site(engine, database, self.rules, self.keys))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await engine.stop()
        await database.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _fill(self, database: Database, engine: Engine) -> None:
        await add_line(engine, database, ALICE)
        await add_key(database, self.keys, KEY, await add_partner(database), SCOPES)
        digits = "0" * 14 + "1"
        await add_cards(database, self.keys, [digits + check_digit(digits)])


@pytest.fixture
def living_api(fresh: Fresh, rules: Rules, keys: Keys) -> Iterator[LivingApi]:
    """Return the API on a fresh database."""
    yield LivingApi(fresh.dsn, rules, keys)
    shutdown_lifespans()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_documented(living_api: LivingApi, mode: Any) -> None:
    schema = schemathesis.openapi.from_dict(document(title="t", server="http://testserver"))
    schema.app = living_api
    for route in ROUTES:
        operation = schema[route.path][route.method]
        _try(operation.as_strategy(generation_mode=mode), route)


def _try(cases: Any, route: Route) -> None:
    """Send cases of an operation, every other to something that is there."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, is_there=booleans())
    def send(case: Any, is_there: bool) -> None:
        if is_there and route.subject:
            names = (route.subject, route.thing) if route.thing else (route.subject,)
            case.path_parameters = {name: THERE[name] for name in names}
        case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"}, checks=CHECKS)

    send()
