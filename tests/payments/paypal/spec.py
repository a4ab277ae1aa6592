"""PayPal's published specifications, asked whether a request or an answer keeps to them.

Stricter than they are: a field that they do not name is a fault too, in a request also one that
is read-only, for the files leave room for both and a misspelt field would go unnoticed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft4Validator

SPECS = Path(__file__).parent / "specs"
_VALIDATORS: dict[int, Draft4Validator] = {}


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    document: dict[str, Any]
    definition: dict[str, Any]
    path_values: Mapping[str, str]

    def request_faults(self, headers: Mapping[str, str], body: bytes) -> list[str]:
        """Return what is wrong with a request."""
        faults = list(self._parameter_faults(headers))
        wanted = self.definition.get("requestBody")
        if wanted is None:
            return faults + (["a body where none is expected"] if body else [])
        if headers.get("content-type") != "application/json":
            faults.append("the content type is not JSON")
        schema = wanted["content"]["application/json"]["schema"]
        return faults + self._value_faults(schema, body, is_request=True)

    def answer_faults(self, status: int, body: bytes) -> list[str]:
        """Return what is wrong with an answer."""
        responses = self.definition["responses"]
        if str(status) not in responses and "default" not in responses:
            return [f"status {status} is not among the answers"]
        response = self._resolve(responses.get(str(status), responses.get("default")))
        content = response.get("content")
        if content is None:
            return []
        schema = content["application/json"]["schema"]
        return self._value_faults(schema, body, is_request=False)

    def issue_text(self, status: int, issue: str) -> str:
        """Return the description that the specification gives to an issue."""
        schema = self.definition["responses"][str(status)]["content"]["application/json"]["schema"]
        for part in self._expand([schema]):
            for detail in self._expand(self._items(part.get("properties", {}).get("details"))):
                named = detail.get("properties", {})
                if named.get("issue", {}).get("enum") == [issue]:
                    return named["description"]["enum"][0]
        raise KeyError(f"{issue} is no issue of this operation")

    def _parameter_faults(self, headers: Mapping[str, str]) -> Iterator[str]:
        for parameter in map(self._resolve, self.definition.get("parameters", [])):
            name, place = parameter["name"], parameter["in"]
            given = self.path_values.get(name) if place == "path" else headers.get(name.lower())
            if given is None and parameter.get("required"):
                yield f"{name} is missing"
            if given is not None:
                for error in Draft4Validator(parameter["schema"]).iter_errors(given):
                    yield f"{name}: {error.message}"

    def _value_faults(self, schema: Any, body: bytes, *, is_request: bool) -> list[str]:
        try:
            value = json.loads(body)
        except ValueError:
            return ["the body is no JSON"]
        validator = self._validator(schema)
        faults = [
            f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)
        ]
        return faults + list(self._stray([schema], value, "", is_request=is_request))

    def _validator(self, schema: Any) -> Draft4Validator:
        """Return a schema ready to be asked, kept because reading the whole file takes a while."""
        key = id(schema)  # the documents live as long as the run
        if key not in _VALIDATORS:
            whole = {**schema, "components": self.document["components"]}
            _VALIDATORS[key] = Draft4Validator(
                whole, validate_formats=True, ignore_unknown_formats=True
            )
        return _VALIDATORS[key]

    def _stray(
        self, schemas: list[Any], value: Any, where: str, *, is_request: bool
    ) -> Iterator[str]:
        parts = list(self._expand(schemas))
        if isinstance(value, list):
            for place, item in enumerate(value):
                items = [part["items"] for part in parts if "items" in part]
                yield from self._stray(items, item, f"{where}/{place}", is_request=is_request)
        if not isinstance(value, dict):
            return
        is_open = any(part.get("additionalProperties") for part in parts)
        for name, inner in value.items():
            found = [p["properties"][name] for p in parts if name in p.get("properties", {})]
            if not found and not is_open:
                yield f"{where}/{name} is not in the specification"
            # An event that is sent back to be proved goes whole, as PayPal's own example does.
            is_ours = is_request and not where.startswith("/webhook_event")
            if is_ours and any(one.get("readOnly") for one in found):
                yield f"{where}/{name} is read-only"
            if found:
                yield from self._stray(found, inner, f"{where}/{name}", is_request=is_request)

    def _expand(self, schemas: list[Any]) -> Iterator[dict[str, Any]]:
        for schema in schemas:
            resolved = self._resolve(schema)
            yield resolved
            for how in ("allOf", "anyOf", "oneOf"):
                yield from self._expand(resolved.get(how, []))

    def _items(self, schema: Any) -> list[Any]:
        return [schema["items"]] if schema and "items" in schema else []

    def _resolve(self, schema: Any) -> Any:
        while "$ref" in schema:
            found: Any = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema


@cache
def _documents() -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(SPECS.glob("*.json"))]


def find_operation(method: str, path: str) -> Operation | None:
    """Return the operation for a path as it is called, None when there is none."""
    for document in _documents():
        for template, methods in document["paths"].items():
            form = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
            match = re.fullmatch(form, path)
            if match and method.lower() in methods:
                return Operation(document, methods[method.lower()], match.groupdict())
    return None
