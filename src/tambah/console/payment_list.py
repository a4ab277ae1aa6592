"""`/console/payments`: payments, the latest first."""

from __future__ import annotations

from datetime import datetime, timedelta

from tambah.console.facts import PAYMENTS, Wording
from tambah.console.lists import (
    Asked,
    Choice,
    Day,
    Link,
    ListShape,
    Marked,
    Money,
    Value,
    names_of,
)
from tambah.domain.payment import PaymentState, ProviderId, show_reference
from tambah.domain.staff import Permission
from tambah.i18n import Texts
from tambah.store.views.console_lists import PaymentsWanted, payments_listed
from tambah.store.views.listed import Listed
from tambah.store.views.payments import PaymentView
from tambah.web.site import Site

_BAD = (PaymentState.UNKNOWN, PaymentState.FAILED, PaymentState.DISPUTED)


def payment_list(site: Site) -> ListShape[PaymentView]:
    """Return the list of payments. `since` and `until` are local days, both of them whole."""
    validity = site.rules.validity

    def find(asked: Asked, after: tuple[datetime, int, int] | None) -> Listed[PaymentView]:
        since, until = asked.day("since"), asked.day("until")
        wanted = PaymentsWanted(
            state=PaymentState[asked["state"].upper()] if asked["state"] else None,
            provider=ProviderId[asked["provider"].upper()] if asked["provider"] else None,
            since=validity.start_of(since) if since else None,
            until=validity.start_of(until + timedelta(days=1)) if until else None,
        )
        return payments_listed(wanted, after)

    return ListShape(
        word="payments",
        path=PAYMENTS,
        permission=Permission.PAYMENTS_READ,
        filters=(
            Choice(name="state", values=names_of(PaymentState), label=_state),
            Choice(name="provider", values=names_of(ProviderId), label=_provider),
            Day(name="since"),
            Day(name="until"),
        ),
        columns=("reference", "opened", "number", "amount", "method", "provider", "state"),
        find=find,
        cells=_cells,
        place=_place,
        kinds=(datetime, int, int),
    )


def _state(texts: Texts, value: str) -> str:
    return texts.get(f"payment_not_refundable.{value}")


def _provider(texts: Texts, value: str) -> str:
    return texts.get(f"console.provider.{value}")


def _cells(view: PaymentView, say: Wording) -> tuple[Value, ...]:
    state = _state(say.texts, view.state.name.lower())
    return (
        Link(show_reference(view.reference), f"{PAYMENTS}/{view.reference}"),
        view.created_at,
        say.number(view.msisdn),
        Money(view.total_micros),
        say.texts.get(f"portal.method.{view.payment.method}"),
        _provider(say.texts, view.provider.name.lower()),
        Marked(state) if view.state in _BAD else state,
    )


def _place(view: PaymentView, _asked: Asked) -> tuple[datetime | int | str, ...]:
    return (view.created_at, view.line_id, view.payment_no)
