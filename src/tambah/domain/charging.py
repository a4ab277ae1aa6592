"""Online charging: sessions that reserve, go on and end; events that are charged at once.

The flows are those of RFC 8506 section 5 (session and event) and TS 32.290 section 5 (SCUR, ECUR,
IEC), whatever protocol carried them here. A request that comes again gets the same answer.
"""

from datetime import datetime, timedelta

from tambah.domain.ageing import age, let_lapse
from tambah.domain.charging_commands import (
    Answered,
    Ask,
    ChargeEvent,
    CloseSession,
    Grant,
    RefundEvent,
    ReleaseUnits,
    ReserveUnits,
    SessionClosed,
    UnitsGranted,
    UpdateUnits,
    granted,
)
from tambah.domain.draft import Draft
from tambah.domain.line import Line, LineState, require_can_top_up
from tambah.domain.money import ringgit
from tambah.domain.rating import cost
from tambah.domain.records import replace
from tambah.domain.refusals import (
    AlreadyRefunded,
    ChargeUnknown,
    CreditTooLow,
    LineInGrace,
    LineTerminated,
    RateUnknown,
    Refusal,
    RequestOutOfOrder,
    SessionUnknown,
)
from tambah.domain.reservation import (
    Group,
    Reservation,
    UsageRecord,
)
from tambah.domain.spending import at_rate, book, count, free_credit, give_back, let_go, promise
from tambah.domain.tariff import Quote


def reserve_units(command: ReserveUnits, draft: Draft) -> UnitsGranted:
    """Begin a session. Raises what keeps the line from being used, CreditTooLow, RateUnknown.

    Where several rating groups are asked for, each has its own answer; all refused is a refusal.
    """
    age(draft)
    known = _known(draft, command.session)
    if known is not None:
        return _again(known, command.request_no)
    require_can_use(draft)
    session = _new_session(draft, command, command.notify_to)
    session, grants, refused = _step(draft, session, command.asks)
    if refused is not None and all(grant.refused for grant in grants):
        raise refused
    return _keep(draft, session, command.request_no, grants)


def update_units(command: UpdateUnits, draft: Draft) -> UnitsGranted:
    """Go on with a session. Raises SessionUnknown, RequestOutOfOrder.

    What was used is counted whatever has become of the line; more is granted only if it may.
    """
    session = _gone_on_with(draft, command)
    if isinstance(session, UnitsGranted):
        return session
    session, grants, _ = _step(draft, replace(session, closed_at=None), command.asks)
    if draft.now - session.booked_at >= timedelta(seconds=draft.rules.charging.booking_seconds):
        session = _book(draft, session)
    return _keep(draft, session, command.request_no, grants)


def release_units(command: ReleaseUnits, draft: Draft) -> UnitsGranted:
    """End a session: count, let go, book. Raises SessionUnknown, RequestOutOfOrder."""
    session = _gone_on_with(draft, command)
    if isinstance(session, UnitsGranted):
        return session
    asks = tuple(replace(ask, more=False) for ask in command.asks)
    session, grants, _ = _step(draft, session, asks)
    session = replace(_close(draft, session), ended=True)
    return _keep(draft, session, command.request_no, grants)


def close_session(command: CloseSession, draft: Draft) -> SessionClosed:
    """Close a session whose time is up, with what it reported; leave any other as it is."""
    age(draft)
    session = _known(draft, command.session)
    if session is None or session.closed_at is not None or draft.now < session.expires_at:
        return SessionClosed(line_id=command.line_id, closed=False)
    draft.keep(_close(draft, session))
    return SessionClosed(line_id=command.line_id, closed=True)


def charge_event(command: ChargeEvent, draft: Draft) -> UnitsGranted:
    """Charge at once, all or nothing. Raises CreditTooLow (with what is missing), RateUnknown,
    and what keeps the line from being used.
    """
    age(draft)
    known = _known(draft, command.session)
    if known is not None:
        return _again(known, command.request_no)
    require_can_use(draft)
    session = _new_session(draft, command)
    groups: list[Group] = []
    grants: list[Grant] = []
    for ask in command.asks:
        group = _opened(draft, ask, command.at)
        units = 1 if ask.wanted is None else ask.wanted
        free_before = free_credit(draft)
        group = count(draft, group, units, usable=True)
        if group.unpaid_units:
            price_micros = cost(group.rate, group.credit_units + group.unpaid_units)
            raise CreditTooLow(missing=ringgit(price_micros - free_before))
        groups.append(replace(group, last_at=command.at or draft.now))
        micros = group.charged_micros
        grants.append(Grant(rating_group=ask.rating_group, units=units, micros=micros))
    session = _close(draft, replace(session, groups=tuple(groups), ended=True))
    return _keep(draft, session, command.request_no, tuple(grants))


def refund_event(command: RefundEvent, draft: Draft) -> UnitsGranted:
    """Give an event's charge back into the buckets that paid it, once, within the time for it.

    Raises ChargeUnknown, AlreadyRefunded, LineTerminated.
    """
    age(draft)
    known = _known(draft, command.session)
    if known is not None and command.request_no <= known.request_no:
        return _again(known, command.request_no)
    line = draft.require_line()
    if line.state not in (LineState.ACTIVE, LineState.GRACE):
        raise LineTerminated
    since = draft.now - timedelta(hours=draft.rules.charging.refund_hours)
    grants: list[Grant] = []
    for ask in command.asks:
        key = (line.line_id, command.of_session, ask.rating_group)
        record = draft.annex(UsageRecord, key)
        if record is None or record.ended_at < since:
            raise ChargeUnknown
        if record.refunded_micros or record.refunded_units:
            raise AlreadyRefunded
        micros, units = give_back(draft, record.paid)
        draft.keep(replace(record, refunded_micros=micros, refunded_units=units))
        grants.append(Grant(rating_group=ask.rating_group, units=record.units, micros=micros))
    session = known or replace(_new_session(draft, command), closed_at=draft.now, ended=True)
    return _keep(draft, session, command.request_no, tuple(grants))


def require_can_use(draft: Draft) -> Line:
    """Refuse a line, aged to now, that cannot use its credit: only an active one can."""
    line = draft.require_line()
    require_can_top_up(line, draft.now)
    if line.state is not LineState.ACTIVE:
        raise LineInGrace
    return line


def _known(draft: Draft, session: bytes) -> Reservation | None:
    return draft.annex(Reservation, (draft.require_line().line_id, session))


def _gone_on_with(draft: Draft, command: UpdateUnits | ReleaseUnits) -> Reservation | UnitsGranted:
    """Return the session that a request goes on with, or the answer that it had before.

    Raises SessionUnknown, RequestOutOfOrder.
    """
    age(draft)
    session = _known(draft, command.session)
    if session is None:
        raise SessionUnknown
    if command.request_no <= session.request_no:
        return _again(session, command.request_no)
    if session.ended:
        raise SessionUnknown
    return session


def _again(session: Reservation, request_no: int) -> UnitsGranted:
    """Return the answer that the last request had; any other was answered and is gone."""
    if request_no != session.request_no:
        raise RequestOutOfOrder
    return granted(session.answer, again=True)


def _new_session(
    draft: Draft, command: ReserveUnits | ChargeEvent | RefundEvent, notify_to: str = ""
) -> Reservation:
    line, now = draft.require_line(), draft.now
    return Reservation(
        line_id=line.line_id,
        session=command.session,
        peer=command.peer,
        session_id=command.session_id,
        request_no=command.request_no,
        began_at=now,
        last_at=now,
        booked_at=now,
        expires_at=now,
        notify_to=notify_to,
        answer=Answered(
            request_no=command.request_no, grants=(), free_micros=0, at=now, msisdn=line.msisdn
        ),
    )


def _step(
    draft: Draft, session: Reservation, asks: tuple[Ask, ...]
) -> tuple[Reservation, tuple[Grant, ...], Refusal | None]:
    """Count what each rating group used, then promise what it asks for; with the first refusal.

    All is counted before anything is promised: what one group lets go of, another may have.
    """
    unusable = _why_not(draft)
    groups = _count_all(draft, session, asks, usable=unusable is None)
    let_lapse(draft)
    grants: list[Grant] = []
    first: Refusal | None = None
    for ask in asks:
        if not ask.more:
            continue
        try:
            if unusable is not None:
                raise unusable
            group, grant = _grant(draft, groups.get(ask.rating_group), ask)
            groups[ask.rating_group] = group
        except Refusal as refusal:
            grant = Grant(rating_group=ask.rating_group, refused=refusal.code)
            first = first or refusal
        grants.append(grant)
    return replace(session, groups=tuple(groups.values())), tuple(grants), first


def _count_all(
    draft: Draft, session: Reservation, asks: tuple[Ask, ...], *, usable: bool
) -> dict[int, Group]:
    groups = {group.rating_group: group for group in session.groups}
    for ask in asks:
        group = groups.get(ask.rating_group)
        if group is None and ask.used:
            # Used before it was ever asked for; where it has no rate, nothing can be charged.
            try:
                group = _opened(draft, ask)
            except RateUnknown:
                continue
        if group is not None:
            groups[ask.rating_group] = count(draft, group, ask.used, usable=usable)
    return groups


def _why_not(draft: Draft) -> Refusal | None:
    try:
        require_can_use(draft)
    except Refusal as refusal:
        return refusal
    return None


def _opened(draft: Draft, ask: Ask, at: datetime | None = None) -> Group:
    """Return a rating group that nothing was used of yet, at the rate of now or of then.

    Raises RateUnknown.
    """
    began_at = at or draft.now
    quote = _quote(draft, ask, began_at)
    return Group(
        rating_group=ask.rating_group,
        usage=ask.usage,
        rate=quote.rate,
        quoted=quote.rate,
        destination_class=quote.destination_class,
        began_at=began_at,
        last_at=draft.now,
    )


def _quote(draft: Draft, ask: Ask, at: datetime) -> Quote:
    book, rules = draft.rules.tariffs, draft.rules
    tariff = book.tariff_of(draft.require_line().plan)
    return book.quote(tariff, ask.usage, at, rules.validity.zone)


def _grant(draft: Draft, group: Group | None, ask: Ask) -> tuple[Group, Grant]:
    """Promise more. Raises RateUnknown, CreditTooLow."""
    quote = _quote(draft, ask, draft.now)
    group = at_rate(_opened(draft, ask) if group is None else group, quote.rate)
    group = replace(group, usage=ask.usage, destination_class=quote.destination_class)
    group, promised = promise(draft, group, ask.wanted)
    if promised.units == 0 and ask.wanted != 0:
        raise CreditTooLow(missing=ringgit(cost(group.rate, 1)))
    rule, line = draft.rules.charging, draft.require_line()
    seconds = rule.validity_seconds
    for ends_at in (quote.until, promised.ends_at, line.active_until):
        if ends_at is not None:
            seconds = min(seconds, _seconds_to(ends_at, draft.now))
    return group, Grant(
        rating_group=ask.rating_group,
        units=promised.units,
        seconds=seconds,
        threshold=promised.units * rule.threshold_permille // 1000,
        final=promised.is_all,
    )


def _seconds_to(ends_at: datetime, now: datetime) -> int:
    """Return the whole seconds until then, one at least: nought would mean for ever."""
    return max(1, int((ends_at - now).total_seconds()))


def _book(draft: Draft, session: Reservation) -> Reservation:
    """Book what every group used, and write it down for the subscriber."""
    groups = tuple(book(draft, group) for group in session.groups)
    for group in groups:
        if group.used:
            draft.keep(_record(session, group))
    return replace(session, groups=groups, booked_at=draft.now)


def _close(draft: Draft, session: Reservation) -> Reservation:
    groups = tuple(let_go(draft, group) for group in session.groups)
    session = _book(draft, replace(session, groups=groups))
    let_lapse(draft)
    return replace(session, closed_at=draft.now, limited=False)


def _record(session: Reservation, group: Group) -> UsageRecord:
    covered = sum(one.amount for one in group.paid if one.kind is group.allowance)
    charged = sum(one.amount for one in group.paid) - covered
    return UsageRecord(
        line_id=session.line_id,
        session=session.session,
        rating_group=group.rating_group,
        usage=group.usage,
        destination_class=group.destination_class,
        began_at=group.began_at,
        ended_at=group.last_at,
        units=group.used,
        credit_units=group.credit_units,
        unpaid_units=group.unpaid_units,
        charged_micros=charged,
        covered_units=covered,
        paid=group.paid,
    )


def _keep(
    draft: Draft, session: Reservation, request_no: int, grants: tuple[Grant, ...]
) -> UnitsGranted:
    """Have the session written as it is now, with its answer."""
    rule, line = draft.rules.charging, draft.require_line()
    lasts = rule.validity_seconds + rule.linger_seconds
    answer = Answered(
        request_no=request_no,
        grants=grants,
        free_micros=free_credit(draft),
        at=draft.now,
        msisdn=line.msisdn,
        charged_micros=sum(group.charged_micros for group in session.groups),
    )
    limited = session.closed_at is None and any(grant.final or grant.refused for grant in grants)
    # The line's clock goes on with its sessions, whether or not they hold anything.
    draft.holds = True
    draft.keep(
        replace(
            session,
            request_no=request_no,
            answer=answer,
            last_at=draft.now,
            expires_at=draft.now + timedelta(seconds=lasts),
            limited=limited,
            transfer_seq=draft.transfer_seq,
        )
    )
    return granted(answer)
