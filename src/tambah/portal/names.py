"""A person's name so that a friend knows it and a stranger learns little: `N** A****h`."""

import unicodedata

_MOST_WORDS = 5
_ENDS = 3
"""A shorter word shows its first letter alone: both ends would be all of it."""


def mask_name(name: str) -> str:
    """Return a name with the first and last letter of each word and stars for the others.

    A letter is what people see as one: a sign that stands on another (Tamil vowels) goes with it.
    """
    words = [_letters(word) for word in unicodedata.normalize("NFC", name).split()]
    return " ".join(_mask(letters) for letters in words[:_MOST_WORDS])


def _mask(letters: list[str]) -> str:
    if len(letters) < _ENDS:
        return letters[0] + "*" * (len(letters) - 1)
    return letters[0] + "*" * (len(letters) - 2) + letters[-1]


def _letters(word: str) -> list[str]:
    letters: list[str] = []
    for character in word:
        if letters and unicodedata.category(character).startswith("M"):
            letters[-1] += character
        else:
            letters.append(character)
    return letters
