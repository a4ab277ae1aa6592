"""What is wrong with a message, before a telecommunications company or a subscriber says so.

Since September 2024 Malaysian operators block every SMS with a link, a request for personal
information or a number to call back, and charge for it all the same; the price prefix and the
brand are asked for by the aggregators. Parts are what each message costs.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tambah.config import MOST_SHORT_NAME
from tambah.i18n.sms import render_sms
from tambah.i18n.sms_parts import Alphabet, measure_sms
from tambah.i18n.texts import LANGUAGES, texts

MOST_PARTS: Mapping[str, int] = {"en": 1, "ms": 1, "zh-Hans": 1, "ta": 2}
GSM7_LANGUAGES = frozenset({"en", "ms"})

_LONGEST_MICROS = 9_999_990_000
_LONGEST_DAY = "20 of every month"
_RECEIPT = "2345678923"  # a payment's reference, the longest: as long a run of digits as it can be
_TICKET = "234-567-892"
ANSWERS: Mapping[str, Mapping[str, int | str]] = {
    "answer_help": {},
    "answer_language_kept": {},
    "answer_active": {"balance_micros": _LONGEST_MICROS, "active_until": _LONGEST_DAY},
    "answer_active_with_bonus": {
        "balance_micros": _LONGEST_MICROS,
        "bonus_micros": _LONGEST_MICROS,
        "active_until": _LONGEST_DAY,
    },
    "answer_grace": {"balance_micros": _LONGEST_MICROS, "grace_until": _LONGEST_DAY},
    "answer_grace_with_bonus": {
        "balance_micros": _LONGEST_MICROS,
        "bonus_micros": _LONGEST_MICROS,
        "grace_until": _LONGEST_DAY,
    },
    "answer_expired": {},
    "answer_returning": {},
    "answer_barred": {"balance_micros": _LONGEST_MICROS},
    "answer_suspended": {"balance_micros": _LONGEST_MICROS},
    "answer_pre_active": {"balance_micros": _LONGEST_MICROS},
    "answer_code_mistyped": {},
    "answer_code_not_usable": {},
    "answer_code_not_usable_left": {"tries_count": 99},
    "answer_code_already_yours": {"used_at": _LONGEST_DAY},
    "answer_too_many_wrong_codes": {"minutes_count": 1440},
    "answer_too_many_tries": {},
    "answer_line_not_activated": {},
    "answer_line_expired": {},
    "answer_line_barred": {},
    "answer_line_suspended": {},
    "answer_reactivation_too_little": {},
    "answer_balance_too_high": {},
    "answer_try_later": {},
    "answer_packages": {"list": "DATA30 RM30, DATA7 RM10, TODAY RM2"},
    "answer_package_confirm": {"package": "WWWWWWW8", "price_micros": _LONGEST_MICROS},
    "answer_package_not_sold": {},
    "answer_package_too_dear": {"missing_micros": _LONGEST_MICROS},
}
"""Answers to messages that came in (channels/sms/answering.py)."""
_SALE = "ABCDE-FGHIJ"
_MASKED = "011-***45678"
_BRIEF = "RM500 *6789 X"
TO_SELLERS: Mapping[str, Mapping[str, int | str]] = {
    "shop_sold": {
        "card": "*0345",
        "price_micros": 500_000_000,
        "reference": _SALE,
        "float_micros": _LONGEST_MICROS,
    },
    "shop_confirm": {"code": "8888", "price_micros": 500_000_000, "number": _MASKED},
    "shop_loaded": {
        "price_micros": 500_000_000,
        "number": _MASKED,
        "reference": _SALE,
        "float_micros": _LONGEST_MICROS,
    },
    "shop_nothing_waits": {},
    "shop_last": {"one": _BRIEF, "two": _BRIEF, "three": _BRIEF},
    "shop_pin_wrong": {},
    "shop_pin_weak": {},
    "shop_pin_first": {},
    "shop_pin_changed": {},
    "shop_card_unknown": {},
    "shop_card_sold": {},
    "shop_card_not_for_sale": {},
    "shop_number_refused": {},
    "shop_amount_refused": {},
    "shop_float_low": {},
    "shop_cap_reached": {},
    "shop_suspended": {},
    "shop_help": {},
}
"""Answers to what sellers sent (channels/sms/shop.py)."""
_CODE = "WWWWWWW8"  # a package's, the longest
_PACKAGE: Mapping[str, int | str] = {
    "package": _CODE,
    "price_micros": _LONGEST_MICROS,
    "balance_micros": _LONGEST_MICROS,
    "package_until": _LONGEST_DAY,
    "receipt": "23456789",
}
WORST_PARAMS: Mapping[str, Mapping[str, int | str]] = {
    "credited": {
        "credited_micros": _LONGEST_MICROS,
        "bonus_micros": 0,
        "balance_micros": _LONGEST_MICROS,
        "active_until": _LONGEST_DAY,
        "receipt": _RECEIPT,
    },
    "credited_with_bonus": {
        "credited_micros": _LONGEST_MICROS,
        "bonus_micros": _LONGEST_MICROS,
        "balance_micros": _LONGEST_MICROS,
        "active_until": _LONGEST_DAY,
        "receipt": _RECEIPT,
    },
    "grace_started": {"grace_until": _LONGEST_DAY},
    "line_expired": {},
    "line_ended": {},
    "remind_grace": {"active_until": _LONGEST_DAY},
    "remind_expiry": {"grace_until": _LONGEST_DAY},
    "remind_quarantine": {"expired_until": _LONGEST_DAY},
    "low_credit": {"balance_micros": _LONGEST_MICROS},
    "reactivated": {
        "credited_micros": _LONGEST_MICROS,
        "fee_micros": _LONGEST_MICROS,
        "balance_micros": _LONGEST_MICROS,
        "active_until": _LONGEST_DAY,
        "receipt": _RECEIPT,
    },
    "reactivation_allowed": {"fee_micros": _LONGEST_MICROS, "allowed_until": _LONGEST_DAY},
    "reactivation_allowed_free": {"allowed_until": _LONGEST_DAY},
    "activated": {"active_until": _LONGEST_DAY},
    "topup_moved": {"returned_micros": _LONGEST_MICROS, "balance_micros": _LONGEST_MICROS},
    "reversed": {"returned_micros": _LONGEST_MICROS, "balance_micros": _LONGEST_MICROS},
    "payment_refunding": {"refunded_micros": _LONGEST_MICROS, "reference": _RECEIPT},
    "payment_refunded": {"refunded_micros": _LONGEST_MICROS, "reference": _RECEIPT},
    "sign_in_code": {"minutes": 60, "code": "888888"},
    "recovery_code": {"minutes": 60, "code": "888888"},
    "line_barred": {},
    "line_unbarred": {},
    "sim_replaced": {},
    "ticket_opened": {"reference": _TICKET},
    "ticket_answered": {"reference": _TICKET},
    "ticket_closed": {"reference": _TICKET},
    "package_bought": _PACKAGE,
    "package_renewed": _PACKAGE,
    "package_reminder": {
        "package": _CODE,
        "price_micros": _LONGEST_MICROS,
        "package_until": _LONGEST_DAY,
    },
    "package_not_renewed": {"package": _CODE, "missing": "9999.99"},
    "package_over": {"package": _CODE},
    "package_refunded": {
        "package": _CODE,
        "returned_micros": _LONGEST_MICROS,
        "balance_micros": _LONGEST_MICROS,
    },
    **ANSWERS,
    **TO_SELLERS,
}
"""Every template, with the longest values it can be given."""
SEALED_PARAMS: Mapping[str, frozenset[str]] = {
    "sign_in_code": frozenset({"code"}),
    "recovery_code": frozenset({"code"}),
}
"""Those of a template's params that only its sealed part holds."""
TOLD_FROM_OUTSIDE: frozenset[str] = frozenset(
    {"ticket_opened", "ticket_answered", "ticket_closed", *ANSWERS, *TO_SELLERS}
)
"""Templates that are written by `TellLine` alone, not by a rule."""
_MONTHS = range(1, 13)  # which month's name is the longest differs by language

_ZONE = ZoneInfo("Asia/Kuala_Lumpur")
# A dot that letters touch on the right is the start of a domain in any script.
_LINK = re.compile(r"://|\bwww\b|[^\W_]\.[^\W\d_]{2}", re.IGNORECASE)
# Seven digits, as a person would write a number to call: with spaces, dashes or brackets.
_CALL_BACK = re.compile(r"[0-9](?:[ ()-]{0,2}[0-9]){6}")
_SMART = re.compile("[\u2018-\u201f\u2032\u2033\u2010-\u2015\u2026\u00a0]")
_ASKS = re.compile(
    r"\b(?:ic|nric|mykad|myid|passport|pasport|bank|pin|otp|password|cvv|tac)\b"
    r"|\b(?:card|account|identity|ic) number|date of birth"
    r"|kad pengenalan|nombor (?:akaun|kad)|kata laluan|tarikh lahir"
    r"|身份证|护照|银行|密码|账号|户口|验证码|出生日期"
    r"|அடையாள அட்டை|கடவுச்சீட்டு|வங்கி|பின் எண்|கடவுச்சொல்|பிறந்த தேதி",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a template in a language."""

    template: str
    tag: str
    what: str


def lint_templates(*, brand: str, price_prefix: str) -> list[Fault]:
    """Render every template in every language at its longest, and return all that is wrong."""
    return [
        Fault(template=template, tag=tag, what=what)
        for template, params in WORST_PARAMS.items()
        for tag in LANGUAGES
        for what in _lint_template(template, params, tag, brand, price_prefix)
    ]


def _lint_template(
    template: str, params: Mapping[str, object], tag: str, brand: str, price_prefix: str
) -> list[str]:
    receipt = str(params.get("receipt") or params.get("reference", ""))
    try:
        bodies = [
            render_sms(
                texts(tag),
                template,
                _in_month(params, month),
                brand=brand,
                price_prefix=price_prefix,
                zone=_ZONE,
            )
            for month in _MONTHS
        ]
    except (KeyError, ValueError) as error:
        return [f"cannot be worded: {error!r}"]
    return sorted(
        {
            what
            for body in bodies
            for what in lint_sms(
                body, tag, brand=brand, price_prefix=price_prefix, receipt=receipt
            )
        }
    )


def _in_month(params: Mapping[str, object], month: int) -> dict[str, object]:
    """Return the params with every date on a two-digit day of that month."""
    day = f"2027-{month:02d}-20T16:00:00+00:00"
    return {name: day if value == _LONGEST_DAY else value for name, value in params.items()}


def lint_sms(
    body: str, tag: str, *, brand: str, price_prefix: str, receipt: str = ""
) -> list[str]:
    """Return what is wrong with a whole message; nothing if it may be sent.

    receipt: text that may hold a run of digits, being no number to call.
    """
    return [
        *_lint_identity(body, brand, price_prefix),
        *_lint_content(body, receipt),
        *_lint_size(body, tag),
    ]


def _lint_identity(body: str, brand: str, price_prefix: str) -> Iterator[str]:
    if not price_prefix.strip() or not body.startswith(price_prefix):
        yield "no price prefix"
    if not brand or brand not in body:
        yield "no brand"
    if len(brand) > MOST_SHORT_NAME:
        yield f"brand over {MOST_SHORT_NAME} characters"
    if "{" in body or "}" in body:
        yield "placeholder left in"


def _lint_content(body: str, receipt: str) -> Iterator[str]:
    folded = unicodedata.normalize("NFKC", body.replace(receipt, " ") if receipt else body)
    if _LINK.search(folded):
        yield "link"
    if _CALL_BACK.search(folded):
        yield "number to call"
    if _ASKS.search(folded):
        yield "asks for personal information"


def _lint_size(body: str, tag: str) -> Iterator[str]:
    size = measure_sms(body)
    if tag in GSM7_LANGUAGES and size.alphabet is not Alphabet.GSM7:
        yield "smart punctuation" if _SMART.search(size.foreign) else "not in GSM-7"
    if size.parts > MOST_PARTS[tag]:
        yield f"{size.parts} parts ({size.units} of {size.alphabet}), at most {MOST_PARTS[tag]}"
