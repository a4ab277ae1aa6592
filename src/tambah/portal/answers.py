"""The questions and answers of the help page: the operator's own, and ours where there is none."""

from dataclasses import dataclass
from functools import partial

from tambah.domain.line import LANGUAGE_BY_TAG
from tambah.engine.publishing import DEFAULT_ANSWERS, to_html
from tambah.i18n import Texts
from tambah.store.answers import read_answers_in
from tambah.web.pages import AnyRequest, Pages, keep_language
from tambah.web.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question with its answer as HTML."""

    title: str
    html: str


async def read_answered(pages: Pages, request: AnyRequest) -> dict[str, Answered]:
    """Return the answers of the page by the name of each, in their order.

    Ours come first in their places, an operator's under the same name instead of ours, what else
    the operator answers after them.
    """
    texts = pages.speak(request)
    language = LANGUAGE_BY_TAG[texts.tag]
    own = {one.slug: one for one in await read_answers_in(pages.site.database, language)}
    link = partial(keep_language, request)
    answered: dict[str, Answered] = {}
    for slug in dict.fromkeys((*DEFAULT_ANSWERS, *own)):
        if slug in own:
            title, body = own[slug].title, own[slug].body
        else:
            title = texts.get(f"faq.{slug}.title")
            body = texts.get(f"faq.{slug}", **_facts(pages.site, texts))
        answered[slug] = Answered(title=title, html=to_html(body, link, rank=3))
    return answered


def _facts(site: Site, texts: Texts) -> dict[str, str]:
    """Return what our answers say of the operator's rules."""
    rules = site.rules
    days = {
        "grace_days": rules.life.grace_days,
        "reactivation_days": rules.life.reactivation_days,
        "refund_days": rules.payments.refund_days,
    }
    policy = texts.get(f"portal.policy.{rules.validity.policy.value}", cap=rules.validity.cap_days)
    return {
        **{name: texts.plural("portal.days", number) for name, number in days.items()},
        "policy": policy,
    }
