"""What stands on printed cards: the operator's facts, and the texts in all four languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from urllib.parse import urlsplit

from tambah.config import VOICE_GATEWAYS, ConfigError, Operator, has_gateway
from tambah.domain.money import ringgit
from tambah.domain.rules import Rules
from tambah.engine.vouchers import TEMPLATES, PrintedKind, SheetDesign
from tambah.i18n.texts import LANGUAGES, Texts, texts

WORDS = ("card", "code", "serial", "batch", "scratch", "until", "hotline")
"""What is said in as many words on every card: `print.` and one of these."""
_NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the cards promise. now: when they are made; last_day: on which they redeem, if any."""

    price_micros: int
    now: datetime
    last_day: date | None = None


def sheet_design(
    operator: Operator,
    rules: Rules,
    public_url: str,
    kinds: tuple[PrintedKind, ...],
    promise: Promise,
) -> SheetDesign:
    """Return how cards are printed for an operator. Raises DenominationUnknown, ConfigError."""
    value = rules.catalog.denomination(promise.price_micros, promise.now)
    brand = operator.brand
    website, hotline = _website(public_url), _hotline(operator)
    facts: dict[str, object] = {
        "brand": {
            "name": brand.name,
            "short_name": brand.short_name or brand.name,
            "colour": brand.colour,
            "hotline": brand.hotline,
            "hotline_hours": brand.hotline_hours,
        },
        "price": "RM" + ringgit(value.price_micros).removesuffix(".00"),
        "valid_days": value.valid_days,
        "best_before": promise.last_day.strftime("%d/%m/%Y") if promise.last_day else None,
        "website": website,
        "languages": [_words(texts(tag), hotline, website, value.valid_days) for tag in LANGUAGES],
    }
    return SheetDesign(kinds=kinds, facts=facts, templates=_templates(operator))


def _words(said: Texts, hotline: str, website: str | None, days: int) -> Mapping[str, str]:
    """Return the texts in one language. lang: its name alone, as typesetters want it."""
    return {
        "lang": said.tag.partition("-")[0],
        "valid": said.plural("print.valid", days),
        "how": _how(said, hotline, website),
        **{word: said.get(f"print.{word}") for word in WORDS},
    }


def _how(said: Texts, hotline: str, website: str | None) -> str:
    """Say where a code is used: on the website, by telephone, or both, as far as there are any."""
    by_web = said.get("print.how.web", website=website) if website else ""
    by_call = said.get("print.how.call", hotline=hotline) if hotline else ""
    if by_web and by_call:
        return said.get("print.how.both", first=by_web, second=by_call)
    return by_web or by_call or said.get("print.how.code")


def _hotline(operator: Operator) -> str:
    """Return the number that takes codes by telephone; empty where no gateway answers it."""
    answered = has_gateway(operator.gateways, VOICE_GATEWAYS)
    return operator.brand.hotline.replace(" ", _NO_BREAK) if answered else ""


def _website(public_url: str) -> str | None:
    """Return where codes are typed in, as people type an address; None when it is not known."""
    host = urlsplit(public_url).netloc
    return f"{host}/topup" if host else None


def _templates(operator: Operator) -> Path:
    if not operator.printing.templates:
        return TEMPLATES
    folder = Path(operator.printing.templates)
    if not folder.is_dir():
        raise ConfigError(f"printing.templates: there is no folder {folder}")
    return folder
