"""`/help`: questions and answers, how to read a card, what each message means, where to ask."""

from typing import Any

from litestar import Response, get

from tambah.domain import refusals
from tambah.domain.refusals import Refusal
from tambah.domain.voucher import CODE_DIGITS
from tambah.engine.publishing import READING_A_CARD
from tambah.portal.answers import read_answered
from tambah.web.pages import AnyRequest, Pages

EXPLAINED: tuple[type[Refusal], ...] = (
    refusals.NumberUnknown,
    refusals.CodeMistyped,
    refusals.CodeNotUsable,
    refusals.CodeAlreadyYours,
    refusals.TooManyWrongCodes,
    refusals.LineNotActivated,
    refusals.LineExpired,
    refusals.LineSuspended,
)
"""The messages of the top-up form that need more than themselves."""


def help_routes(pages: Pages) -> list[Any]:
    """Return the handler of /help."""

    @get("/help", include_in_schema=False)
    async def show_help(request: AnyRequest) -> Response[bytes]:
        codes = [refusal.code for refusal in EXPLAINED]
        ladder = pages.site.rules.guessing.ladder
        answers = await read_answered(pages, request)
        return pages.draw(
            request,
            "help.html",
            own_card=answers.pop(READING_A_CARD, None),
            answers=answers,
            codes=codes,
            code_digits=CODE_DIGITS,
            first_lock=ladder[0],
            pays=pages.site.payments is not None,
            refund_days=pages.site.rules.payments.refund_days,
        )

    return [show_help]
