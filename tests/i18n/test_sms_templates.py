import ast
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import tambah.domain
from tambah.i18n import LANGUAGES, texts
from tambah.i18n.catalog import read_catalog
from tambah.i18n.sms import render_sms
from tambah.i18n.sms_linter import (
    SEALED_PARAMS,
    TOLD_FROM_OUTSIDE,
    WORST_PARAMS,
    Fault,
    lint_sms,
    lint_templates,
)

ZONE = ZoneInfo("Asia/Kuala_Lumpur")
BRAND = "KampungTel1"
PREFIX = "RM0.00 "
catalog = cache(read_catalog)


def told_by_the_rules() -> dict[str, set[str]]:
    """Return every template that the domain's rules write, with the params they give it."""
    told: dict[str, set[str]] = {}
    for path in sorted(Path(tambah.domain.__file__).parent.glob("*.py")):
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        ]
        for call in calls:
            if is_notice(call) and isinstance(call.args[1], ast.Dict):
                keys = {name for key in call.args[1].keys if key for name in texts_in(key)}
                for name in texts_in(call.args[0]):
                    told.setdefault(name, set()).update(keys)
            if not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr == "tell_sealed" and isinstance(call.args[1], ast.Dict):
                keys = {name for key in call.args[1].keys if key for name in texts_in(key)}
                for name in texts_in(call.args[0]):
                    told.setdefault(name, set()).update(keys | SEALED_PARAMS.get(name, set()))
            if call.func.attr != "tell":
                continue
            names = texts_in(call.args[0])
            if isinstance(call.args[0], ast.Name):  # told by the module's own `_tell(draft, …)`
                names = {name for one in calls if is_own_tell(one) for name in texts_in(one)}
            for name in names:
                told.setdefault(name, set()).update(str(k.arg) for k in call.keywords)
    return told


def texts_in(node: ast.AST) -> set[str]:
    return {
        leaf.value
        for leaf in ast.walk(node)
        if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
    }


def is_notice(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "Notice"


def is_own_tell(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "_tell"


def test_every_message_of_the_rules_has_its_template_and_its_params():
    worst = {
        name: set(params) for name, params in WORST_PARAMS.items() if name not in TOLD_FROM_OUTSIDE
    }
    assert worst == told_by_the_rules()


def test_every_message_told_from_outside_is_told_somewhere():
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in Path(tambah.domain.__file__).parents[1].rglob("*.py")
        if path.name != "sms_linter.py"
    )
    assert {name for name in TOLD_FROM_OUTSIDE if f'"{name}"' not in source} == set()


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_template_belongs_to_a_message(tag: str):
    keys = {key for key in catalog(tag).forms if key.startswith("sms.")}
    assert keys - {"sms.date"} == {f"sms.{name}" for name in WORST_PARAMS}


def test_no_template_has_a_fault_at_its_longest_with_the_longest_brand():
    assert lint_templates(brand=BRAND, price_prefix=PREFIX) == []


@pytest.mark.parametrize(
    ("tag", "body"),
    [
        (
            "en",
            "RM0.00 KampungTel: Top-up of RM30.00 and bonus of RM2.00 successful. Balance"
            " RM1,032.50. Active until 1 Mar 2027. Receipt ABCD2345.",
        ),
        (
            "ms",
            "RM0.00 KampungTel: Tambah nilai RM30.00 dan bonus RM2.00 berjaya. Baki RM1,032.50."
            " Aktif hingga 1 Mac 2027. Resit ABCD2345.",
        ),
        (
            "zh-Hans",
            "RM0.00 KampungTel加额RM30.00，奖励RM2.00，有效至01/03/2027，收据ABCD2345",
        ),
        (
            "ta",
            "RM0.00 KampungTel: RM30.00 டாப்-அப், RM2.00 போனஸ் வெற்றி. மீதத் தொகை RM1,032.50."
            " 01/03/2027 வரை செல்லும். ரசீது ABCD2345.",
        ),
    ],
)
def test_a_receipt_reads_as_it_should(tag: str, body: str):
    """The end is midnight in Kuala Lumpur; a balance below a sen is told downwards."""
    assert body == render_sms(
        texts(tag),
        "credited_with_bonus",
        {
            "credited_micros": 30_000_000,
            "bonus_micros": 2_000_000,
            "balance_micros": 1_032_509_999,
            "active_until": "2027-03-01T16:00:00+00:00",
            "receipt": "ABCD2345",
        },
        brand="KampungTel",
        price_prefix=PREFIX,
        zone=ZONE,
    )


@pytest.mark.parametrize(
    ("template", "params"),
    [
        ("no_such_template", {}),
        ("activated", {}),
        ("activated", {"active_until": "tomorrow"}),
        ("reversed", {"returned_micros": "1.00", "balance_micros": 1}),
    ],
)
def test_render_sms_refuses_what_it_cannot_word(template: str, params: dict[str, object]):
    with pytest.raises((KeyError, ValueError)):
        render_sms(texts("en"), template, params, brand=BRAND, price_prefix=PREFIX, zone=ZONE)


GOOD = f"{PREFIX}{BRAND}: Balance RM1.00."


@pytest.mark.parametrize(
    ("tag", "body", "faults"),
    [
        ("en", GOOD, []),
        ("en", f"{BRAND}: Balance RM1.00.", ["no price prefix"]),
        ("en", f"{PREFIX}Balance RM1.00.", ["no brand"]),
        ("en", GOOD + " {amount}", ["placeholder left in"]),
        ("en", GOOD + " See https://example.test/x", ["link"]),
        ("en", GOOD + " See kampungtel.my", ["link"]),
        ("en", GOOD + " See KAMPUNGTEL.COM/topup", ["link"]),
        ("en", GOOD + " See www kampungtel my", ["link"]),
        ("zh-Hans", GOOD + " 请看马来西亚.公司", ["link"]),
        ("en", GOOD + " Call 0312345678", ["number to call"]),
        ("en", GOOD + " Call 03-1234 5678", ["number to call"]),
        ("en", GOOD + " Call +60 (3) 1234-5678", ["number to call"]),
        ("zh-Hans", GOOD + " 请拨０３１２３４５６７８", ["number to call"]),
        ("en", GOOD + " Send your IC number", ["asks for personal information"]),
        ("en", GOOD + " Reply with your PIN.", ["asks for personal information"]),
        ("ms", GOOD + " Nyatakan nombor akaun bank", ["asks for personal information"]),
        ("ms", GOOD + " Hantar kad pengenalan", ["asks for personal information"]),
        ("zh-Hans", GOOD + " 请回复身份证", ["asks for personal information"]),
        ("ta", GOOD + " உங்கள் பின் எண்", ["asks for personal information"]),
        ("en", GOOD + " It\u2019s done", ["smart punctuation"]),
        ("ms", GOOD + " Siap \u2013 terima kasih", ["smart punctuation"]),
        ("ms", GOOD + " 您好", ["not in GSM-7"]),
        ("en", GOOD + " " + "a" * 140, ["2 parts (176 of GSM-7), at most 1"]),
        ("zh-Hans", GOOD + " " + "额" * 50, ["2 parts (86 of UCS-2), at most 1"]),
        ("ta", GOOD + " " + "அ" * 110, ["3 parts (146 of UCS-2), at most 2"]),
    ],
)
def test_lint_sms_catches_each_planted_fault(tag: str, body: str, faults: list[str]):
    assert lint_sms(body, tag, brand=BRAND, price_prefix=PREFIX) == faults


def test_lint_sms_lets_a_receipt_be_a_run_of_digits():
    body = f"{GOOD} Receipt 23456789."
    assert lint_sms(body, "en", brand=BRAND, price_prefix=PREFIX, receipt="23456789") == []
    assert lint_sms(body, "en", brand=BRAND, price_prefix=PREFIX) == ["number to call"]


@pytest.mark.parametrize(
    ("brand", "price_prefix", "what"),
    [
        ("KampungTelekom", PREFIX, "brand over 11 characters"),
        ("tel.my", PREFIX, "link"),
        (BRAND, "", "no price prefix"),
        ("Kampung電", PREFIX, "not in GSM-7"),
    ],
)
def test_lint_templates_catches_a_brand_or_prefix_that_would_be_blocked(
    brand: str, price_prefix: str, what: str
):
    faults = lint_templates(brand=brand, price_prefix=price_prefix)
    assert Fault(template="credited", tag="en", what=what) in faults
