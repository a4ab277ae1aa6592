"""What somebody wants who sends an SMS: keywords in four languages, forgivingly read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tambah.channels.places import LANGUAGE_KEYS
from tambah.channels.talk import Wish
from tambah.domain.refusals import CodeMistyped
from tambah.domain.voucher import CODE_DIGITS, fold_code

KEYWORDS: Mapping[Wish, Mapping[str, tuple[str, ...]]] = {
    Wish.REDEEM: {
        "en": ("TOPUP", "TOP UP", "RELOAD", "RECHARGE"),
        "ms": ("TAMBAH", "TAMBAH NILAI"),
        "zh-Hans": ("加额", "充值", "加額"),
        "ta": ("டாப்-அப்", "ரீசார்ஜ்"),
    },
    Wish.BALANCE: {
        "en": ("BAL", "BALANCE"),
        "ms": ("BAKI", "SEMAK BAKI"),
        "zh-Hans": ("余额", "查看余额", "查余额", "餘額"),
        "ta": ("இருப்பு", "மீதம்", "மீதத் தொகை"),
    },
    Wish.LANGUAGE: {
        "en": ("LANG", "LANGUAGE"),
        "ms": ("BAHASA",),
        "zh-Hans": ("语言", "語言"),
        "ta": ("மொழி",),
    },
    Wish.PACKAGES: {
        "en": ("PKG", "PACKAGE", "PACKAGES"),
        "ms": ("PELAN", "PAKEJ"),
        "zh-Hans": ("配套",),
        "ta": ("திட்டம்", "திட்டங்கள்"),
    },
    Wish.BUY: {
        "en": ("BUY",),
        "ms": ("BELI",),
        "zh-Hans": ("购买",),
        "ta": ("வாங்கு",),
    },
    Wish.HELP: {
        "en": ("HELP", "INFO"),
        "ms": ("BANTUAN",),
        "zh-Hans": ("帮助", "幫助"),
        "ta": ("உதவி",),
    },
}
"""The words of each wish by language, the first of each as it is told to people."""

LANGUAGE_WORDS: Mapping[str, tuple[str, ...]] = {
    "en": ("EN", "ENGLISH", "INGGERIS", "英文", "英语", "ஆங்கிலம்"),
    "ms": ("MS", "BM", "MALAY", "MELAYU", "马来文", "马来语", "மலாய்"),
    "zh-Hans": ("ZH", "CN", "CHINESE", "CINA", "MANDARIN", "中文", "华文", "华语", "சீனம்"),
    "ta": ("TA", "TAMIL", "淡米尔文", "淡米尔语", "தமிழ்"),
}
"""What follows the keyword of a language."""

_YES = frozenset({"yes", "ya", "是", "ஆம்"})
"""What follows a package's code to buy it, folded."""

_MOST_CHARACTERS = 400
_MOST_WORDS = 3  # in a keyword
_NEARLY_A_CODE = range(CODE_DIGITS - 2, CODE_DIGITS + 3)
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_APART = re.compile(r"""[\s\-‐-―−_.·,:;!?#*/|+='"“”‘’()<>\[\]【】。，、：；！？]+""")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a message asks for. said: the code, or the language's tag; it may be secret."""

    wish: Wish
    said: str = field(default="", repr=False)


_HELP = Asked(wish=Wish.HELP)


def read_request(text: str) -> Asked:
    """Read a message. What cannot be understood asks for help; nothing is raised."""
    words = [word for word in _APART.split(_fold(text[:_MOST_CHARACTERS])) if word]
    return _read_language(words) or _read_keyword(words) or _read_bare_code(words) or _HELP


def _fold(text: str) -> str:
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()


def _compact(text: str) -> str:
    return _APART.sub("", _fold(text))


_WISH_OF: Mapping[str, Wish] = {
    _compact(word): wish
    for wish, by_language in KEYWORDS.items()
    for words in by_language.values()
    for word in words
}
_TAG_OF: Mapping[str, str] = {
    **{_compact(word): tag for tag, words in LANGUAGE_WORDS.items() for word in words},
    **LANGUAGE_KEYS,
}
_LONGEST_FIRST = sorted(_WISH_OF, key=len, reverse=True)


def _read_language(words: Sequence[str]) -> Asked | None:
    """Read a keyword of language and the language, together or apart."""
    whole = "".join(words)
    for keyword, wish in _WISH_OF.items():
        if wish is Wish.LANGUAGE and whole.startswith(keyword):
            tag = _TAG_OF.get(whole.removeprefix(keyword))
            if tag is not None:
                return Asked(wish=wish, said=tag)
    return None


def _read_keyword(words: Sequence[str]) -> Asked | None:
    """Read a keyword of up to three words, or one that the rest was written to without a space."""
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        wish = _WISH_OF.get("".join(words[:count]))
        if wish is not None:
            return _asked(wish, words[count:])
    first = words[0] if words else ""
    for keyword in _LONGEST_FIRST:
        rest = first.removeprefix(keyword)
        # Chinese is written without spaces; elsewhere "balloon" is no balance.
        if rest != first and (rest[:1].isdigit() or _HAN.match(keyword)):
            return _asked(_WISH_OF[keyword], [rest, *words[1:]])
    return None


def _asked(wish: Wish, rest: Sequence[str]) -> Asked:
    """Return what a keyword and the rest come to; neither a code nor a language is help."""
    if wish is Wish.REDEEM and rest:
        return Asked(wish=wish, said=" ".join(rest))
    if wish is Wish.BUY:
        return _buying(rest)
    return Asked(wish=wish) if wish in (Wish.BALANCE, Wish.PACKAGES) else _HELP


def _buying(rest: Sequence[str]) -> Asked:
    """Return what is to be bought: nothing named is the list, a yes behind it buys at once."""
    if not rest:
        return Asked(wish=Wish.PACKAGES)
    said = [rest[0], *(word for word in rest[1:2] if word in _YES)]
    return Asked(wish=Wish.BUY, said=" ".join(said))


def _read_bare_code(words: Sequence[str]) -> Asked | None:
    """Read a code without its keyword, or after one that was misspelt; also one with a slip in it.

    Letters alone are taken for a code only where the check digit says so: they could be a word.
    """
    whole = "".join(words)
    digits = "".join(word for word in words if word.isascii() and word.isdigit())
    if len(digits) == CODE_DIGITS:
        return Asked(wish=Wish.REDEEM, said=digits)
    try:
        return Asked(wish=Wish.REDEEM, said=fold_code(whole))
    except CodeMistyped:
        pass
    is_nearly = whole.isascii() and whole.isalnum() and len(whole) in _NEARLY_A_CODE
    if is_nearly and sum(character.isdigit() for character in whole) > len(whole) // 2:
        return Asked(wish=Wish.REDEEM, said=whole)
    return None
