"""Activation codes of eSIMs, against the form of SGP.22 section 4.1 and its examples."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tambah.domain.esim import LONGEST, ActivationCode, parse_activation_code
from tambah.domain.refusals import FieldMalformed

FORM = re.compile(r"LPA:1\$[A-Z0-9.-]+\$[A-Z0-9-]*(\$[0-9.]*(\$1)?)?")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815",
            ("SMDP.GSMA.COM", "04386-AGYFT-A74Y8-3F815", "", False),
        ),
        (
            "1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815$$1",
            ("SMDP.GSMA.COM", "04386-AGYFT-A74Y8-3F815", "", True),
        ),
        (
            "1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815$1.3.6.1.4.1.31746$1",
            ("SMDP.GSMA.COM", "04386-AGYFT-A74Y8-3F815", "1.3.6.1.4.1.31746", True),
        ),
        (
            "1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815$1.3.6.1.4.1.31746",
            ("SMDP.GSMA.COM", "04386-AGYFT-A74Y8-3F815", "1.3.6.1.4.1.31746", False),
        ),
        ("1$SMDP.GSMA.COM$", ("SMDP.GSMA.COM", "", "", False)),
    ],
)
def test_the_specification_s_examples_are_read_and_written(
    text: str, parts: tuple[str, str, str, bool]
):
    code = parse_activation_code(text)
    assert (code.smdp_address, code.matching_id, code.oid, code.needs_confirmation) == parts
    assert code.text == f"LPA:{text}"
    assert parse_activation_code(code.text) == code


def test_a_server_s_name_is_written_in_capitals():
    assert parse_activation_code(" LPA:1$smdp.example.com$K2-1A ").text == (
        "LPA:1$SMDP.EXAMPLE.COM$K2-1A"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1$SMDP.EXAMPLE.COM",
        "2$SMDP.EXAMPLE.COM$A",
        "1$SMDP$A",
        "1$.EXAMPLE.COM$A",
        "1$SMDP EXAMPLE.COM$A",
        "1$SMDP.EXAMPLE.COM$a1",
        "1$SMDP.EXAMPLE.COM$A B",
        "1$SMDP.EXAMPLE.COM$A$x",
        "1$SMDP.EXAMPLE.COM$A$$0",
        "1$SMDP.EXAMPLE.COM$A$$1$",
        "1$SMDP.EXAMPLE.COM$" + "A" * 240,
    ],
)
def test_anything_else_is_refused_and_not_repeated(text: str):
    with pytest.raises(FieldMalformed) as refused:
        parse_activation_code(text)
    assert refused.value.params == {"field": "activation_code"}


@settings(deadline=None)
@given(
    host=st.from_regex(r"[A-Z0-9]{1,8}(-[A-Z0-9]{1,8})?(\.[A-Z]{2,9}){1,3}", fullmatch=True),
    matching_id=st.from_regex(r"[A-Z0-9-]{0,40}", fullmatch=True),
    oid=st.sampled_from(["", "1.3.6.1.4.1.31746", "2.999"]),
    needs_confirmation=st.booleans(),
)
def test_every_code_is_read_back_and_has_the_form(
    host: str, matching_id: str, oid: str, needs_confirmation: bool
):
    code = ActivationCode(
        smdp_address=host, matching_id=matching_id, oid=oid, needs_confirmation=needs_confirmation
    )
    assert FORM.fullmatch(code.text)
    assert len(code.text) <= LONGEST
    assert parse_activation_code(code.text) == code


def test_a_code_does_not_show_its_secret_by_accident():
    assert "K2-1A" not in repr(parse_activation_code("1$SMDP.EXAMPLE.COM$K2-1A"))
