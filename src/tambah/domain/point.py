"""Top-up points: places where cards and reloads are sold. No part of the books."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import IntEnum

MICRODEGREES_PER_DEGREE = 1_000_000


class PointKind(IntEnum):
    """What sort of place a point is, as the database stores it."""

    CONVENIENCE_STORE = 1
    SUPERMARKET = 2
    PETROL_STATION = 3
    OWN_SHOP = 4
    OTHER = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A top-up point. code: the operator's own name for it, which stays.

    latitude_microdegrees, longitude_microdegrees: WGS 84, north and east positive. hours: as
    `opening_hours` reads them, empty where they are not known. withdrawn: not shown any more.
    """

    code: str
    name: str
    kind: PointKind
    address: str
    town: str
    state: str
    postcode: str
    latitude_microdegrees: int
    longitude_microdegrees: int
    hours: str
    sells_cards: bool
    sells_reloads: bool
    withdrawn: bool = False

    @property
    def place_words(self) -> str:
        """Return what the place is found by, folded as what is searched for is."""
        told = (self.town, self.state, self.address, self.name)
        return " ".join(fold_words(" ".join(told)))

    @property
    def town_words(self) -> str:
        """Return the town, folded."""
        return " ".join(fold_words(self.town))


# What people write for a town or state in short, in English, or in Chinese and Tamil.
_ALSO_CALLED = {
    "kl": "kuala lumpur",
    "pj": "petaling jaya",
    "jb": "johor bahru",
    "kk": "kota kinabalu",
    "penang": "pulau pinang",
    "georgetown": "george town",
    "malacca": "melaka",
    "吉隆坡": "kuala lumpur",
    "八打灵再也": "petaling jaya",
    "新山": "johor bahru",
    "亚庇": "kota kinabalu",
    "古晋": "kuching",
    "怡保": "ipoh",
    "槟城": "pulau pinang",
    "乔治市": "george town",
    "马六甲": "melaka",
    "关丹": "kuantan",
    "芙蓉": "seremban",
    "巴生": "klang",
    "莎阿南": "shah alam",
    "亚罗士打": "alor setar",
    "诗巫": "sibu",
    "美里": "miri",
    "山打根": "sandakan",
    "斗湖": "tawau",
    "纳闽": "labuan",
    "கோலாலம்பூர்": "kuala lumpur",
    "ஜோகூர் பாரு": "johor bahru",
    "பினாங்கு": "pulau pinang",
    "ஈப்போ": "ipoh",
    "கிள்ளான்": "klang",
    "மலாக்கா": "melaka",
    "சிரம்பான்": "seremban",
}


def fold_words(text: str) -> list[str]:
    """Return a text's words without case, width and punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Letters, marks (of Tamil vowels) and digits; all else parts words.
    kept = (c if unicodedata.category(c)[0] in "LMN" else " " for c in folded)
    return "".join(kept).split()


def search_words(text: str) -> list[str]:
    """Return the words to look for: of the town that is meant, where it has another name."""
    words = fold_words(text)
    return fold_words(_ALSO_CALLED.get(" ".join(words), " ".join(words)))
