"""The Release 16 specification, read where it lies; what is sent and answered is held against it.

It is 3GPP's and no part of this repository: it is in the folder that TAMBAH_SPECS_DIR names, or
in `shared/specs` beside this repository. Without it the tests run, held against nothing.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

_BESIDE = Path(__file__).parents[4] / "shared" / "specs"
SPECS = Path(os.environ.get("TAMBAH_SPECS_DIR") or _BESIDE)
BUNDLE = SPECS / "3gpp" / "Nchf_ConvergedCharging_Rel-16.bundled.json"
IS_THERE = BUNDLE.exists()
REQUIRED = ["nfConsumerIdentification", "invocationTimeStamp", "invocationSequenceNumber"]


@cache
def bundle() -> dict[str, Any]:
    """Return the document."""
    return json.loads(BUNDLE.read_text(encoding="utf-8"))


@cache
def _validator(schema: str) -> Any:
    components = _with_nulls(bundle()["components"])
    root = {"$ref": f"#/components/schemas/{schema}", "components": components}
    return jsonschema_rs.Draft4Validator(root, validate_formats=True)


def _with_nulls(part: Any) -> Any:
    """Write `nullable` of OpenAPI 3.0 as JSON Schema does."""
    if isinstance(part, list):
        return [_with_nulls(one) for one in part]
    if not isinstance(part, dict):
        return part
    made = {name: _with_nulls(one) for name, one in part.items() if name != "nullable"}
    if part.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def require(schema: str, document: Any) -> None:
    """Fail where a document is not what the specification says."""
    if IS_THERE:
        wrong = [
            f"{e.instance_path}: {e.message}" for e in _validator(schema).iter_errors(document)
        ]
        assert wrong == [], schema


def require_answer(path: str, status: int, media_type: str, document: Any) -> None:
    """Fail where an answer is not among those that the specification has for a path."""
    operation = bundle()["paths"][path]["post"]["responses"] if IS_THERE else {}
    if status >= 400:
        assert media_type == "application/problem+json"
        assert document["status"] == status
        require("TS29571_ProblemDetails", document)
        return
    if IS_THERE:
        assert str(status) in operation
    if status in (200, 201):
        assert media_type == "application/json"
        require("ChargingDataResponse", document)
