"""The OpenAPI 3.1 document, made of the routes and shapes that the API itself runs on."""

from collections.abc import Iterable
from typing import Any

import msgspec

from tambah.api.refusals import RETRY_SECONDS, STATUS, Problem
from tambah.api.rest import examples
from tambah.api.rest.paging import MOST_LIMIT, USUAL_LIMIT
from tambah.api.rest.rates import MOST_TYPED
from tambah.api.rest.request import MOST_KEY_CHARACTERS
from tambah.api.rest.routes import EVERYWHERE, ROUTES, Route
from tambah.api.rest.usage import SESSION_PATTERN
from tambah.domain.refusals import Refusal

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_LATER = frozenset(STATUS[refusal] for refusal in RETRY_SECONDS)
_REASONS = {
    400: "Malformed",
    401: "No known key",
    403: "Not allowed",
    404: "Not found",
    405: "No such method here",
    409: "Not as things stand",
    413: "Too large",
    422: "Not acceptable",
    429: "Later",
    500: "A fault of ours",
    503: "Away for the moment",
}
_SUBJECTS: dict[str, Json] = {
    "msisdn": {
        "description": "The line's number: E.164 digits, with or without a plus sign.",
        "schema": {"type": "string", "pattern": r"^\+?[1-9][0-9]{6,14}$"},
        "example": examples.MSISDN,
    },
    "session": {
        "description": "Yours, for ever: one session of the line bears it.",
        "schema": {"type": "string", "pattern": SESSION_PATTERN},
        "example": examples.SESSION,
    },
    "serial": {
        "description": "The serial number on the card: batch, dash, number.",
        "schema": {"type": "string", "pattern": "^[0-9]{4,9}-[0-9]{8}$"},
        "example": examples.SERIAL,
    },
    "reference": {
        "description": "Your own reference of the sale; a slash in it percent-encoded.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 64},
        "example": examples.REFERENCE,
    },
}
_LIMIT: Json = {
    "name": "limit",
    "in": "query",
    "description": "How many items at most.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MOST_LIMIT, "default": USUAL_LIMIT},
}
_CURSOR: Json = {
    "name": "cursor",
    "in": "query",
    "description": "The `next` of the page before.",
}
_RATE: list[Json] = [
    {
        "name": "to",
        "in": "query",
        "required": True,
        "description": "A number with its country code, its beginning, or a country.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MOST_TYPED},
        "example": examples.CALLED,
    },
    {
        "name": "from",
        "in": "query",
        "description": "`home`, or a roaming zone of the operator's.",
        "schema": {"type": "string", "default": "home"},
    },
    {
        "name": "plan",
        "in": "query",
        "description": "Of the lines that have this plan.",
        "schema": {"type": "string"},
    },
]
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Yours, new for each thing you want done, the same when you send it again.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": MOST_KEY_CHARACTERS,
        "pattern": "^[ -~]+$",
    },
}


def document(*, title: str, server: str) -> Json:
    """Return the document. server: the address under which the API is reached."""
    structs = [Problem, *(route.answer for route in ROUTES)]
    structs += [route.body for route in ROUTES if route.body is not None]
    _, schemas = msgspec.json.schema_components(structs, ref_template=_REF)
    paths: dict[str, Json] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": "1",
            "description": (
                "Prepaid lines: look, top up, redeem, sell, charge. Prose and examples: /docs"
            ),
        },
        "servers": [{"url": server}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {
                "RequestId": {
                    "description": "Yours if you sent a plain one, else ours; quote it to us.",
                    "schema": {"type": "string"},
                },
                "RetryAfter": {
                    "description": "Seconds after which it is worth trying again.",
                    "schema": {"type": "integer", "minimum": 1},
                },
            },
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A partner's API key, `tk_live_…` or `tk_test_…`.",
                }
            },
        },
    }


def refusals_by_status(route: Route) -> dict[int, list[str]]:
    """Return the codes that an operation may answer, by status, ascending."""
    found: dict[int, list[str]] = {}
    for refusal in _refusals(route):
        found.setdefault(STATUS[refusal], []).append(refusal.code)
    return dict(sorted(found.items()))


def parameters(route: Route) -> list[Json]:
    """Return an operation's parameters: path, query, headers."""
    found: list[Json] = []
    if route.subject:
        subject: Json = {"name": route.subject, "in": "path", "required": True}
        found.append(subject | _SUBJECTS[route.subject])
    if route.thing:
        thing: Json = {"name": route.thing, "in": "path", "required": True}
        found.append(thing | _SUBJECTS[route.thing])
    if route.takes_page:
        cursor = {**_CURSOR, "schema": {"type": "string", "pattern": route.cursor}}
        found += [_LIMIT, cursor]
    if route.takes_rate:
        found += _RATE
    if route.is_keyed:
        found.append(_IDEMPOTENCY_KEY)
    return found


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"{route.about} Needs the scope `{route.scope}`.",
        "tags": [route.noun],
        "parameters": parameters(route),
        "responses": _responses(route),
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _ref(route.body),
                    "example": msgspec.to_builtins(examples.REQUESTS[route.name]),
                }
            },
        }
    return operation


def _responses(route: Route) -> Json:
    request_id = {"Request-Id": {"$ref": "#/components/headers/RequestId"}}
    responses: Json = {
        str(route.status): {
            "description": route.summary,
            "headers": request_id,
            "content": {
                "application/json": {
                    "schema": _ref(route.answer),
                    "example": msgspec.to_builtins(examples.ANSWERS[route.name]),
                }
            },
        }
    }
    for status, codes in refusals_by_status(route).items():
        retry = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
        problem = {"allOf": [_ref(Problem), {"properties": {"code": {"enum": codes}}}]}
        responses[str(status)] = {
            "description": f"{_REASONS[status]}: " + ", ".join(f"`{code}`" for code in codes),
            "headers": request_id | (retry if status in _LATER else {}),
            "content": {"application/problem+json": {"schema": problem}},
        }
    return responses


def _refusals(route: Route) -> Iterable[type[Refusal]]:
    return dict.fromkeys((*route.refusals, *EVERYWHERE))


def _ref(struct: type[msgspec.Struct]) -> Json:
    return {"$ref": _REF.format(name=struct.__name__)}
