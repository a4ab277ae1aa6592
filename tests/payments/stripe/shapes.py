"""What Stripe takes and gives, twice: its schema of 2020, and today's types of the SDK."""

from __future__ import annotations

import builtins
import json
import re
import sys
import typing
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin

import jsonschema_rs
import stripe
import typing_extensions
from stripe.params import BalanceTransactionListParams, RefundCreateParams, RefundListParams
from stripe.params import PaymentIntentRetrieveParams as IntentParams
from stripe.params.checkout import SessionCreateParams, SessionRetrieveParams

_FILE = Path(__file__).parent / "schema" / "stripe_2020-03-02_trimmed.json"
_OPTIONS = set(stripe.RequestOptions.__annotations__)
_OPTIONAL = (NotRequired, Required, typing_extensions.NotRequired, typing_extensions.Required)


class Malformed(Exception):
    """A request that Stripe would refuse."""

    def __init__(self, code: str, param: str) -> None:
        super().__init__(f"{code}: {param}")
        self.code = code
        self.param = param


# Requests


PARAMS: dict[tuple[str, str], Any] = {
    ("POST", "/v1/checkout/sessions"): SessionCreateParams,
    ("GET", "/v1/checkout/sessions/{session}"): SessionRetrieveParams,
    ("GET", "/v1/payment_intents/{intent}"): IntentParams,
    ("GET", "/v1/refunds"): RefundListParams,
    ("POST", "/v1/refunds"): RefundCreateParams,
    ("GET", "/v1/balance_transactions"): BalanceTransactionListParams,
}


def read_params(method: str, path: str, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Read a form or query as Stripe does. Raises Malformed for what it does not know."""
    params = _typed(_tree(pairs), PARAMS[method, path], "")
    operation = _SPEC["paths"].get(path, {}).get(method.lower())
    if operation is not None:
        _check_as_of_2020(operation, params)
    return params


def _tree(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Unfold `a[b][0]=c`."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        first, *rest = re.findall(r"[^\[\]]+", name)
        place, keys = tree, [first, *rest]
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        if keys[-1] in place:
            raise Malformed("parameter_invalid", name)
        place[keys[-1]] = value
    return tree


def _typed(value: Any, hint: Any, param: str) -> Any:
    """Turn strings into what a type of the SDK says, however deep."""
    origin = get_origin(hint)
    if origin in _OPTIONAL:
        return _typed(value, get_args(hint)[0], param)
    if typing_extensions.is_typeddict(hint):
        return _typed_fields(value, hint, param)
    if origin in (Union, UnionType):
        return _typed_union(value, get_args(hint), param)
    if origin is list:
        if not isinstance(value, dict) or list(value) != [str(n) for n in range(len(value))]:
            raise Malformed("parameter_invalid", param)
        return [_typed(v, get_args(hint)[0], f"{param}[{n}]") for n, v in value.items()]
    if origin is dict:
        return {k: _typed(v, get_args(hint)[1], f"{param}[{k}]") for k, v in value.items()}
    return _typed_scalar(value, hint, param)


def _typed_fields(value: Any, hint: Any, param: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("parameter_invalid", param)
    fields = _fields_of(hint)
    for key in value:
        if key not in fields:
            raise Malformed("parameter_unknown", f"{param}[{key}]" if param else key)
    for key in hint.__required_keys__:
        if key not in value:
            raise Malformed("parameter_missing", f"{param}[{key}]" if param else key)
    return {k: _typed(v, fields[k], f"{param}[{k}]" if param else k) for k, v in value.items()}


@cache
def _fields_of(hint: Any) -> dict[str, Any]:
    hints = typing_extensions.get_type_hints(
        hint, localns=_Names(hint.__module__), include_extras=True
    )
    return {k: v for k, v in hints.items() if k not in _OPTIONS}


def _typed_union(value: Any, hints: tuple[Any, ...], param: str) -> Any:
    """Take the first that fits. Where the SDK adds `or any string` to words, only words count."""
    strict = [h for h in hints if get_origin(h) is Literal]
    for hint in [h for h in hints if h is not str] if strict else hints:
        try:
            return _typed(value, hint, param)
        except (Malformed, AttributeError):
            continue
    raise Malformed("parameter_invalid", param)


def _typed_scalar(value: Any, hint: Any, param: str) -> Any:
    if get_origin(hint) is Literal and value in get_args(hint):
        return value
    if hint is str and isinstance(value, str):
        return value
    if hint is int and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if hint is bool and value in ("true", "false"):
        return value == "true"
    raise Malformed("parameter_invalid", param)


def _check_as_of_2020(operation: Any, params: dict[str, Any]) -> None:
    """Prove a request by the schema of 2020, with what came since put as it was then."""
    then = json.loads(json.dumps(params))
    for new in ("adaptive_pricing", "expires_at"):
        then.pop(new, None)
    if "allowed_payment_method_types" in then:
        then["payment_method_types"] = then.pop("allowed_payment_method_types")
    for item in then.get("line_items", []):
        if item.get("price_data", {}).pop("product_data", None):
            item["price_data"]["product"] = "prod_1"
    body = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    query = {p["name"]: p["schema"] for p in operation.get("parameters", ())}
    schema = {**body, "properties": {**body["properties"], **query}}
    problem = next(_validator(schema).iter_errors(then), None)
    if problem is not None:
        raise Malformed("parameter_invalid", "/".join(map(str, problem.instance_path)))


# Answers


CLASSES: dict[str, Any] = {
    "checkout.session": stripe.checkout.Session,
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "dispute": stripe.Dispute,
    "balance_transaction": stripe.BalanceTransaction,
    "payout": stripe.Payout,
    "event": stripe.Event,
}


def prove_answer(document: dict[str, Any]) -> None:
    """Assert that an object is one of Stripe's: by the SDK's types, by the schema of 2020."""
    if document.get("object") == "list":
        for item in document["data"]:
            prove_answer(item)
        return
    if "error" in document:
        _prove_as_of_2020("error", document)
        return
    _prove(document, CLASSES[document["object"]], document["object"])
    _prove_as_of_2020(document["object"], document)


def _prove(value: Any, hint: Any, where: str) -> None:
    fault = _fault(value, hint, where)
    assert fault is None, fault


def _fault(value: Any, hint: Any, where: str) -> str | None:
    """Return what is wrong with a value by a type of the SDK, None when nothing is."""
    origin = get_origin(hint)
    if hint in (Any, _Unnamed) or isinstance(hint, typing.TypeVar):
        return None
    if origin in (Union, UnionType):
        return _fault_of_all(value, get_args(hint), where)
    if origin is Literal:
        return None if value in get_args(hint) else f"{where}: {value!r} is no word of it"
    if origin is list:
        if not isinstance(value, list):
            return f"{where}: no list"
        faults = (_fault(v, get_args(hint)[0], f"{where}[]") for v in value)
        return next((f for f in faults if f), None)
    if origin is not None:  # a list object, or metadata
        return None if isinstance(value, dict) else f"{where}: no object"
    if hint is type(None):
        return None if value is None else f"{where}: not null"
    if isinstance(hint, type) and issubclass(hint, stripe.StripeObject):
        return _fault_of_fields(value, hint, where)
    return None if type(value) is hint else f"{where}: {value!r} is no {hint}"


def _fault_of_all(value: Any, hints: tuple[Any, ...], where: str) -> str | None:
    strict = [h for h in hints if get_origin(h) is Literal]
    faults = [_fault(value, h, where) for h in hints if not (strict and h is str)]
    return None if None in faults else "; ".join(f for f in faults if f)


def _fault_of_fields(value: Any, cls: type, where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where}: no object"
    hints = {k: h for k, h in _hints_of(cls).items() if not k.startswith("_")}
    for key, hint in hints.items():
        if key not in value:
            if type(None) in get_args(hint) or get_origin(hint) is typing.ClassVar:
                continue
            return f"{where}.{key} is missing"
        if fault := _fault(value[key], hint, f"{where}.{key}"):
            return fault
    unknown = set(value) - set(hints)
    return f"{where}: unknown {sorted(unknown)}" if unknown else None


class _Unnamed:
    """In place of a name that is not to be found: anything goes."""

    def __class_getitem__(cls, _item: Any) -> Any:
        return cls


class _Names(dict[str, Any]):
    """Names of one of the SDK's modules, with those that it imports for type checkers only."""

    def __init__(self, module: str) -> None:
        super().__init__()
        self._module = vars(sys.modules[module])

    def __missing__(self, name: str) -> Any:
        for place in (self._module, vars(builtins)):
            if name in place:
                return place[name]
        return getattr(stripe, name, _Unnamed)


@cache
def _hints_of(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls, localns=_Names(cls.__module__))


def _prove_as_of_2020(name: str, document: dict[str, Any]) -> None:
    schemas = _SPEC["components"]["schemas"]
    if name not in schemas:
        return
    folded = {k: _folded(v, schemas[name]["properties"].get(k, {})) for k, v in document.items()}
    problem = next(_object_validator(name).iter_errors(folded), None)
    assert problem is None, f"{name}: {problem}"


def _folded(value: Any, schema: dict[str, Any]) -> Any:
    """Return an expanded object as its id where the schema, made slim, knows the id only."""
    types = [schema, *schema.get("anyOf", ())]
    if isinstance(value, dict) and any(t.get("type") == "string" for t in types):
        return value["id"]
    return value


@cache
def _object_validator(name: str) -> Any:
    return _validator({"$ref": f"#/components/schemas/{name}"})


def _validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft4Validator({**schema, "components": _SPEC["components"]})


def _as_json_schema(node: Any) -> Any:
    """Put OpenAPI's `nullable` as JSON Schema says it."""
    if isinstance(node, list):
        return [_as_json_schema(n) for n in node]
    if not isinstance(node, dict):
        return node
    made = {k: _as_json_schema(v) for k, v in node.items()}
    if made.pop("nullable", None) is not True:
        return made
    return {"anyOf": [made, {"type": "null"}]}


_SPEC: dict[str, Any] = _as_json_schema(json.loads(_FILE.read_text(encoding="utf-8")))
