"""Messages to subscribers: a template and its params, worded in the line's language."""

from collections.abc import Mapping
from datetime import tzinfo

from tambah.domain.money import MICROS_PER_SEN
from tambah.i18n.days import local_day
from tambah.i18n.texts import Texts


def render_sms(
    texts: Texts,
    template: str,
    params: Mapping[str, object],
    *,
    brand: str,
    price_prefix: str,
    zone: tzinfo,
) -> str:
    """Return the whole text of a message, the price prefix ("RM0.00 ") in front.

    template, params: as `domain.state.Message` has them; a param `balance_micros` fills
    {balance}, an end such as `active_until` is told as the last local day before it.

    Raises KeyError for an unknown template or a param it needs, ValueError for one malformed.
    """
    words: dict[str, object] = {"brand": brand}
    for name, value in params.items():
        words[name.removesuffix("_micros")] = _word(texts, name, value, zone)
    return price_prefix + texts.get(f"sms.{template}", **words)


def _word(texts: Texts, name: str, value: object, zone: tzinfo) -> str:
    if name.endswith("_micros"):
        if not isinstance(value, int):
            raise ValueError(f"{name} is no amount")
        # Whole sen, downwards: never more than there is, and no dearer second part.
        return texts.money(value - value % MICROS_PER_SEN)
    if name.endswith(("_until", "_at")):
        return texts.sms_date(local_day(name, value, zone))
    return str(value)
