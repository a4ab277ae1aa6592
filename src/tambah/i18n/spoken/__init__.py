"""What the hotline says: texts, money, dates and digits, as clips in four languages."""

from tambah.i18n.spoken.clips import Clip, contexts, every_clip, speak, words

__all__ = ["Clip", "contexts", "every_clip", "speak", "words"]
