import re
from datetime import UTC, datetime
from functools import cache
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from tambah.domain.payment import PaymentState
from tambah.domain.refusals import (
    AmountOutOfRange,
    BatchStateWrong,
    CodeAlreadyYours,
    CommissionOutOfTree,
    PaymentNotRefundable,
    Refusal,
    SimNotUsable,
    TooManyWrongCodes,
    VoucherStateWrong,
    every_refusal,
)
from tambah.domain.sim import SimState
from tambah.domain.voucher import BatchState, VoucherState
from tambah.i18n import LANGUAGES, texts
from tambah.i18n.catalog import read_catalog

ZONE = ZoneInfo("Asia/Kuala_Lumpur")
CODES = sorted(refusal.code for refusal in every_refusal())
# "credit_too_low" says so where it is raised (domain/balance.py).
NO_MONEY = {
    "en": "No money has been taken.",
    "ms": "Tiada wang ditolak daripada akaun anda.",
    "zh-Hans": "没有扣除任何款项。",
    "ta": "பணம் எதுவும் கழிக்கப்படவில்லை.",
}
NOTHING_CHANGED = {
    "en": "Nothing has been changed.",
    "ms": "Tiada apa-apa yang diubah.",
    "zh-Hans": "没有作出任何更改。",
    "ta": "எதுவும் மாற்றப்படவில்லை.",
}
# One was read only, the other cannot know.
SAYS_NEITHER = {"page_not_found", "unavailable"}
catalog = cache(read_catalog)


def documented_params(refusal: type[Refusal]) -> set[str]:
    """Return the params that a refusal's docstring names: `Params: least, most (ringgit).`"""
    found = re.search(r"Params: ([a-z_, ]+)", refusal.__doc__ or "")
    return {name.strip() for name in found[1].split(",")} if found else set[str]()


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_refusal_has_a_text_and_no_text_is_orphaned(tag: str):
    keys = [key for key in catalog(tag).forms if key.startswith("refusal.")]
    assert sorted(keys) == [f"refusal.{code}" for code in CODES]


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("refusal", every_refusal(), ids=lambda refusal: refusal.code)
def test_a_refusal_text_uses_exactly_the_refusals_params(refusal: type[Refusal], tag: str):
    text = catalog(tag).forms[f"refusal.{refusal.code}"][0]
    used = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
    assert used == documented_params(refusal)


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_a_refusal_says_first_whether_anything_was_taken_or_changed(code: str, tag: str):
    text = catalog(tag).forms[f"refusal.{code}"][0]
    starts = (NO_MONEY[tag], NOTHING_CHANGED[tag])
    assert text.startswith(starts) is (code not in SAYS_NEITHER)


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_a_refusal_says_the_same_start_in_every_language(code: str, tag: str):
    key = f"refusal.{code}"
    here, english = catalog(tag).forms[key][0], catalog("en").forms[key][0]
    assert here.startswith(NO_MONEY[tag]) is english.startswith(NO_MONEY["en"])


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_state_a_refusal_can_name_has_a_word(tag: str):
    said = texts(tag)
    for state in BatchState:
        word = said.get(f"batch_state.{state.name.lower()}")
        assert word in said.refusal(BatchStateWrong(state=state.name.lower()), ZONE)
    for state in VoucherState:
        word = said.get(f"voucher_state.{state.name.lower()}")
        assert word in said.refusal(VoucherStateWrong(state=state.name.lower()), ZONE)
    for state in PaymentState:
        word = said.get(f"payment_not_refundable.{state.name.lower()}")
        assert word in said.refusal(PaymentNotRefundable(state=state.name.lower()), ZONE)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_state_of_a_sim_has_a_word(tag: str):
    for state in SimState:
        word = texts(tag).get(f"sim_not_usable.{state.name.lower()}")
        assert word in texts(tag).refusal(SimNotUsable(state=state.name.lower()), ZONE)


def test_refusal_writes_money_and_instants_as_people_do():
    until = datetime(2027, 3, 1, 14, 30, tzinfo=UTC)
    assert texts("en").refusal(AmountOutOfRange(least="5.00", most="5000.00"), ZONE) == (
        "No money has been taken. The amount must be from RM5.00 to RM5,000.00."
        " Choose another amount."
    )
    assert texts("ms").refusal(TooManyWrongCodes(until=until), ZONE) == (
        "Tiada wang ditolak daripada akaun anda. Terlalu banyak PIN salah."
        " Cuba lagi selepas 1 Mac 2027, 10:30 malam."
    )
    assert texts("zh-Hans").refusal(CodeAlreadyYours(used_at=until), ZONE) == (
        "没有扣除任何款项。此加额密码已于2027年3月1日晚上10时30分用于这个号码，数额当时已加入。请查看余额。"
    )


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_answer_about_a_code_tells_nothing_of_why(tag: str):
    """Unknown, inactive, void, expired and used are one answer: no word of these may stand."""
    text = catalog(tag).forms["refusal.code_not_usable"][0]
    telling = {
        "en": r"unknown|inactive|expired|void|used (by|on)|another",
        "ms": r"tidak dikenali|luput|batal|telah digunakan",
        "zh-Hans": r"不存在|过期|作废|已被使用|已使用",
        "ta": r"காலாவதி|செல்லாத|ஏற்கெனவே",
    }
    assert re.search(telling[tag], text) is None


def test_a_rate_is_no_amount() -> None:
    text = texts("en").refusal(CommissionOutOfTree(rate="4.00"), ZONE)

    assert "the limit is 4.00 percent" in text
