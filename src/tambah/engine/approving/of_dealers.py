"""What is asked for of dealers that takes two: added with terms, float moved, agreements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, cast

from tambah.domain.approval import Approval, Deed
from tambah.domain.dealer import Agreement, DealerKind, PaidAs
from tambah.domain.dealer_commands import PayCommission
from tambah.domain.floats import bank_reference
from tambah.domain.refusals import (
    BankEntryDone,
    CommissionChanged,
    DealerExists,
    FieldMalformed,
    NothingDue,
    PartnerUnknown,
)
from tambah.engine.approving.filing import actor_behind
from tambah.engine.approving.means import CALLER, Means
from tambah.engine.dealers import (
    Limits,
    NewDealer,
    Terms,
    add_dealer,
    foresee_agreement,
    foresee_dealer,
    set_agreement,
)
from tambah.engine.dealers.buying import Fund, assign_entry, foresee_assignment
from tambah.store.approvals import Wanted
from tambah.store.bank import find_entry
from tambah.store.database import Database
from tambah.store.views.dealer_lists import Owed, owed_until
from tambah.store.views.dealers import agreements_with
from tambah.store.views.partners import FloatView, read_float


async def ask_dealer(database: Database, new: NewDealer) -> Wanted:
    """Ask for a dealer to be added together with its terms and its credit limit.

    Raises FieldMalformed, PartnerUnknown, DealerUnknown, DealerExists, CommissionOutOfTree.
    """
    await foresee_dealer(database, new)
    parent = None if new.parent_id is None else await _float(database, new.parent_id)
    partner = None if new.partner_id is None else await _float(database, new.partner_id)
    limits = new.limits
    return Wanted(
        deed=Deed.ADD_DEALER,
        subject="partner",
        params={
            "name": partner.name if partner else new.name.strip(),
            "kind": new.kind.name.lower(),
            "partner": new.partner_id,
            "parent": new.parent_id,
            "parent_name": parent.name if parent else "",
            "draws_on_parent": new.draws_on_parent,
            "credit_limit_micros": limits.credit_limit_micros,
            "least_micros": limits.least_micros,
            "most_micros": limits.most_micros,
            "daily_cap_micros": limits.daily_cap_micros,
            "terms": _written(new.terms) if new.terms else None,
        },
        before={},
    )


async def add_asked_dealer(
    database: Database, approval: Approval, tries: int
) -> Mapping[str, object]:
    """Add the dealer that two people agreed on; return its number.

    Raises what `add_dealer` does: the tree may have changed since it was asked for.
    """
    params = cast("Mapping[str, Any]", approval.params)
    new = NewDealer(
        name=params["name"],
        kind=DealerKind[params["kind"].upper()],
        partner_id=params["partner"],
        parent_id=params["parent"],
        draws_on_parent=params["draws_on_parent"],
        limits=Limits(
            credit_limit_micros=params["credit_limit_micros"],
            least_micros=params["least_micros"],
            most_micros=params["most_micros"],
            daily_cap_micros=params["daily_cap_micros"],
        ),
        terms=_terms(params["terms"]) if params["terms"] else None,
    )
    try:
        partner_id = await add_dealer(database, new, actor_behind(approval))
    except DealerExists as refusal:
        if tries == 1:
            raise
        # Who died after it was done left it there.
        return dict(refusal.params)
    return {"dealer": partner_id}


async def ask_bank_float(database: Database, entry: str, dealer_id: int) -> Wanted:
    """Ask for a bank entry that waits to be taken for a dealer's float.

    Raises what `foresee_assignment` does.
    """
    row, dealer = await foresee_assignment(database, entry, dealer_id)
    payer = await _float(database, dealer.payer_id)
    return Wanted(
        deed=Deed.FUND_FROM_BANK,
        subject=f"partner:{dealer.payer_id}",
        params={
            "partner": dealer.payer_id,
            "name": payer.name,
            "dealer": dealer_id,
            "amount_micros": row.amount_micros,
            "entry": row.name,
            "reference": bank_reference(row.name),
        },
        before={"float_micros": payer.float_micros},
    )


async def fund_from_bank(
    database: Database, fund: Fund, approval: Approval, tries: int
) -> Mapping[str, object]:
    """Take a bank entry for the dealer that two people agreed on; return what its float holds.

    Raises what `assign_entry` does: somebody may have matched the entry since.
    """
    params = cast("Mapping[str, Any]", approval.params)
    try:
        done = await assign_entry(
            database, fund, params["entry"], params["dealer"], actor_behind(approval)
        )
    except BankEntryDone:
        row = await find_entry(database, params["entry"])
        if tries == 1 or row is None or row.verdict.partner_id != params["partner"]:
            raise
        # Who died after it was done left it so; whoever settles entries next tells the rest.
        return {"float_micros": (await _float(database, params["partner"])).float_micros}
    return {"float_micros": done.float_micros}


async def ask_float_move(
    database: Database, from_id: int, to_id: int, amount_micros: int, reference: str
) -> Wanted:
    """Ask for float to go from a dealer to its child or parent. Micro-ringgit.

    Whether they stand next to each other is looked at when it is done. Raises PartnerUnknown,
    FieldMalformed (reference).
    """
    if not reference.strip():
        raise FieldMalformed(field="reference")
    giver, taker = await _float(database, from_id), await _float(database, to_id)
    return Wanted(
        deed=Deed.MOVE_FLOAT,
        subject=f"partner:{from_id}",
        params={
            "partner": from_id,
            "name": giver.name,
            "to": to_id,
            "to_name": taker.name,
            "amount_micros": amount_micros,
            "reference": reference.strip(),
        },
        before={"float_micros": giver.float_micros, "to_float_micros": taker.float_micros},
    )


def ask_commission(owed: Sequence[Owed], until: date, only: int | None) -> Wanted:
    """Ask for what is owed of sales up to a local day's end to be paid, to one dealer or to all.

    Raises NothingDue.
    """
    if not owed:
        raise NothingDue
    return Wanted(
        deed=Deed.PAY_COMMISSION,
        subject=f"partner:{only}" if only is not None else "partner",
        params={
            "until": until.isoformat(),
            "only": only,
            "dealers": [[one.partner_id, one.name, one.amount_micros] for one in owed],
            "sum_micros": sum(one.amount_micros for one in owed),
        },
        before={},
    )


async def pay_asked_commission(
    means: Means, approval: Approval, tries: int
) -> Mapping[str, object]:
    """Pay the commission that two people agreed on; return how many dealers had how much.

    left_out, of the answer: numbers and names of those who were paid otherwise in between.

    Raises CommissionChanged where the first try finds another sum owed to any of them.
    """
    params = cast("Mapping[str, Any]", approval.params)
    agreed: list[tuple[int, str, int]] = [(no, name, of) for no, name, of in params["dealers"]]
    until = date.fromisoformat(params["until"])
    if tries == 1:
        before = means.rules.validity.start_of(until + timedelta(days=1))
        owed = await owed_until(means.database, before, params["only"])
        if [(no, of) for no, _, of in agreed] != [(o.partner_id, o.amount_micros) for o in owed]:
            raise CommissionChanged
    paid, left_out = list[int](), list[list[int | str]]()
    for partner_id, name, amount_micros in agreed:
        command = PayCommission(
            caller=CALLER,
            request_key=str(approval.approval_id),
            partner_id=partner_id,
            until=until,
            actor=actor_behind(approval),
            amount_micros=amount_micros,
        )
        try:
            paid.append((await means.engine.submit(command)).amount_micros)
        except (NothingDue, CommissionChanged):
            left_out.append([partner_id, name])  # paid otherwise in this very moment
    outcome: dict[str, object] = {"dealers_paid": len(paid), "paid_micros": sum(paid)}
    return outcome | ({"left_out": left_out} if left_out else {})


async def ask_agreement(
    database: Database,
    partner_id: int,
    terms: Terms,
    effective_at: datetime | None,
    now: datetime,
) -> Wanted:
    """Ask for other terms with a dealer, from an instant on, or from when it is agreed to.

    Raises DealerUnknown, FieldMalformed, CommissionOutOfTree.
    """
    was = await foresee_agreement(database, partner_id, terms, effective_at, now)
    named = await _float(database, partner_id)
    return Wanted(
        deed=Deed.CHANGE_AGREEMENT,
        subject=f"partner:{partner_id}",
        params={
            "partner": partner_id,
            "name": named.name,
            "effective_at": effective_at.isoformat() if effective_at else "",
            **_written(terms),
        },
        before=_written(was) if was else {},
    )


async def change_agreement(
    database: Database, approval: Approval, tries: int
) -> Mapping[str, object]:
    """Agree with a dealer on what two people agreed on; return from when it is in force.

    Raises what `set_agreement` does: the tree may have changed since it was asked for.
    """
    params = cast("Mapping[str, Any]", approval.params)
    partner_id: int = params["partner"]
    since: str = params["effective_at"]
    effective_at = datetime.fromisoformat(since) if since else None
    terms = _terms(params)
    made: Agreement | None = None
    if tries > 1:
        # Who died after it was done left it in force, or about to be.
        for one in await agreements_with(database, partner_id):
            is_it = one.effective_at == effective_at if effective_at else _is_after(one, approval)
            if is_it and _written(one) == _written(terms):
                made = one
    if made is None:
        actor = actor_behind(approval)
        made = await set_agreement(database, partner_id, terms, actor, effective_at)
    return {"effective_at": made.effective_at.isoformat()}


def _is_after(one: Agreement, approval: Approval) -> bool:
    return approval.decided_at is not None and one.effective_at > approval.decided_at


def _terms(params: Mapping[str, Any]) -> Terms:
    return Terms(
        rate_bp=params["rate_bp"],
        paid_as=PaidAs[params["paid_as"].upper()],
        most_sale_micros=params["most_sale_micros"],
        most_day_micros=params["most_day_micros"],
    )


def _written(one: Terms | Agreement) -> dict[str, object]:
    return {
        "rate_bp": one.rate_bp,
        "paid_as": one.paid_as.name.lower(),
        "most_sale_micros": one.most_sale_micros,
        "most_day_micros": one.most_day_micros,
    }


async def _float(database: Database, partner_id: int) -> FloatView:
    found = await read_float(database, partner_id)
    if found is None:
        raise PartnerUnknown
    return found
