"""Texts for people in four languages, money and dates as people write them.

Every text stands in `catalogs/<tag>/<area>.po` under a key of its own, English included, so that
a change of English wording breaks no translation.
"""

from tambah.i18n.negotiation import negotiate
from tambah.i18n.texts import LANGUAGES, Texts, texts

__all__ = ["LANGUAGES", "Texts", "negotiate", "texts"]
