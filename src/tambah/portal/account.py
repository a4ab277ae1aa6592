"""`/account`: a subscriber's own line, after signing in."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, NamedTuple

from litestar import Response, get

from tambah.desks.packages import show_running
from tambah.desks.standing import can_top_up, standing
from tambah.domain import outliving
from tambah.domain.line import LineState, may_reactivate, reactivation_fee
from tambah.domain.money import ringgit
from tambah.domain.numbering import show_msisdn
from tambah.domain.rules import Rules
from tambah.portal.forms import offers_of
from tambah.portal.outlook import kept_until, outlook
from tambah.portal.sessions import Sessions
from tambah.store.views.lines import LineView
from tambah.store.views.subscriptions import Running, read_running
from tambah.web.pages import AnyRequest, Pages

NO_STORE = {"cache-control": "no-store"}

SECTIONS = (
    "/account/history",
    "/account/usage",
    "/account/settings",
    "/account/sim",
    "/account/tickets",
    "/account/lost",
)
"""What the account leads to, where there is such a page; each has a text `account.to.<noun>`."""

UNBAR, REACTIVATE = "/account/unbar", "/account/reactivate"


class Holding(NamedTuple):
    """Something that a line has besides its credit: what, how much, until when.

    what: `bonus` (micro-ringgit), `seconds`, `messages` or `bytes`, a text `account.<what>`;
    until: its last day.
    """

    what: str
    amount: int
    until: date | None


def account_routes(pages: Pages, sessions: Sessions, paths: Collection[str]) -> list[Any]:
    """Return the handler of /account. paths: of all the portal's pages."""

    @get("/account", include_in_schema=False)
    async def show_account(request: AnyRequest) -> Response[Any]:
        signed_in = await sessions.require(request)
        view, rules = signed_in.view, pages.site.rules
        running = await read_running(pages.site.database, signed_in.line_id, view.at)
        texts = pages.speak(request, view.line.language.tag)
        last_day, line = rules.validity.last_day, view.line
        return pages.draw(
            request,
            "account.html",
            headers=NO_STORE,
            stored=line.language.tag,
            view=view,
            state=view.state.name.lower(),
            standing=standing(view),
            number=show_msisdn(line.msisdn, rules.numbers),
            active_until=last_day(line.active_until) if line.active_until else None,
            grace_until=last_day(line.grace_until) if line.grace_until else None,
            kept_until=kept_until(view, rules) if view.state is LineState.EXPIRED else None,
            back_until=last_day(line.reactivation_until) if line.reactivation_until else None,
            holdings=holdings(view, rules, running),
            bought=show_running(texts, rules, running),
            sells=bool(pages.site.packages),
            just_bought=request.query_params.get("bought") == "yes",
            ahead=outlook(view, rules),
            can_top_up=can_top_up(view),
            outlived=outlived(view, rules),
            tiles=[ringgit(one.price_micros) for one in offers_of(pages.site).tiles],
            reactivation_micros=reactivation_fee(line, rules.life),
            sections=[path for path in SECTIONS if path in paths],
            mends=[path for path in _mends(view) if path in paths],
        )

    return [show_account]


def holdings(view: LineView, rules: Rules, running: Iterable[Running] = ()) -> list[Holding]:
    """Return what a line has besides main credit, the soonest to end first.

    What is of a package that runs is shown with that.
    """
    last_day = rules.validity.last_day
    bought = {part.granted.bucket_id for one in running for part in one.left}
    return [
        Holding(
            one.kind.name.lower(),
            one.remaining_micros,
            last_day(one.expires_at) if one.expires_at else None,
        )
        for one in (*view.bonuses, *view.allowances)
        if one.bucket_id not in bought
    ]


class Outlives(NamedTuple):
    """What will outlive the line, and the top-up that mends it.

    amount_micros: of all bonus that ends later than the line's active period; last_day: its last;
    price_micros: to be paid (micro-ringgit), None where no single top-up mends it; price: the same
    as the form of a top-up has it; mended_until: the line's last active day after it.
    """

    amount_micros: int
    last_day: date
    price_micros: int | None
    price: str
    mended_until: date | None


def outlived(view: LineView, rules: Rules) -> Outlives | None:
    """Return the warning that bonus will outlive the line, None where there is nothing to say."""
    found = outliving.warning(view.line, view.bonuses, rules, view.at)
    if found is None or not can_top_up(view):
        return None
    last_day = rules.validity.last_day
    late = [one for one in view.bonuses if one.expires_at and one.expires_at > found.active_until]
    return Outlives(
        amount_micros=sum(one.remaining_micros for one in late),
        last_day=last_day(found.ends_at),
        price_micros=found.price_micros,
        price=ringgit(found.price_micros or 0),
        mended_until=last_day(found.mended_until) if found.mended_until else None,
    )


def _mends(view: LineView) -> list[str]:
    """Return where what stops a line can be put right."""
    mends = [UNBAR] if view.line.barred else []
    may_return = may_reactivate(view.line, view.at)
    return [*mends, REACTIVATE] if view.state is LineState.EXPIRED and not may_return else mends
