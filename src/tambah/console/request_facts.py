"""What a request asks for, and what came of it, in the reader's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, cast

from tambah.console.facts import BATCHES, DEALERS, LINES, PAYMENTS, TARIFFS, Fact, Wording
from tambah.console.package_words import package_facts
from tambah.console.promotion_words import promotion_facts
from tambah.console.tariff_words import asked_facts
from tambah.domain.approval import Approval, Deed
from tambah.domain.dealer import percent
from tambah.domain.payment import show_reference
from tambah.domain.voucher import format_serial
from tambah.engine.answers import refusal_of
from tambah.engine.approving.of_packages import read_plain as as_package
from tambah.engine.approving.of_promotions import read_plain

_Params = Mapping[str, Any]
_MOST_DEALERS = 100
"""So many are named; the sum is of all."""

_AMOUNTS = {
    "moved_micros": "moved",
    "sent_back_micros": "goes_back",
    "balance_micros": "credit",
    "taken_micros": "taken",
    "float_micros": "float",
    "paid_micros": "paid",
}

_COUNTS = {"changed": "cards_changed", "dealers_paid": "paid_dealers"}


def request_facts(approval: Approval, say: Wording) -> list[Fact]:
    """Return what is asked for: what is now, and what would be."""
    return wanted_facts(approval.deed, approval.params, approval.before, say)


def wanted_facts(
    deed: Deed, params: Mapping[str, object], before: Mapping[str, object], say: Wording
) -> list[Fact]:
    """Return what would be asked for."""
    return _FACTS[deed](cast("_Params", params), cast("_Params", before), say)


def outcome_facts(approval: Approval, say: Wording) -> list[Fact]:
    """Return what came of a request that was carried out."""
    found: list[Fact] = []
    outcome = cast("_Params", approval.outcome)
    if "refusal" in outcome:
        refusal = refusal_of(outcome["refusal"], outcome["params"])
        return [Fact("failed", say.refusal(refusal))]
    found += [
        Fact(word, say.money(outcome[name])) for name, word in _AMOUNTS.items() if name in outcome
    ]
    if "effective_at" in outcome:
        at = datetime.fromisoformat(outcome["effective_at"])
        found.append(Fact("in_force", say.when(at)))
    if "ended_at" in outcome:
        at = datetime.fromisoformat(outcome["ended_at"])
        found.append(Fact("promo_until", say.when(at)))
    if "dealer" in outcome:
        number = outcome["dealer"]
        found.append(Fact("dealer_no", str(number), f"{DEALERS}/{number}"))
    if "batch" in outcome:
        found.append(_batch(outcome["batch"]))
        found.append(Fact("first_serial", outcome["first_serial"]))
        found.append(Fact("last_serial", outcome["last_serial"]))
    if "sha256" in outcome:
        found.append(Fact("sha256", outcome["sha256"]))
        found.append(Fact("export_size", f"{outcome['bytes']:,}"))
    found += [
        Fact(word, f"{outcome[name]:,}") for name, word in _COUNTS.items() if name in outcome
    ]
    left_out: list[tuple[int, str]] = outcome.get("left_out", [])
    return found + [dealer_fact("left_out", no, name) for no, name in left_out[:_MOST_DEALERS]]


def _credit(params: _Params, before: _Params, say: Wording) -> list[Fact]:
    was = before["balance_micros"]
    after = say.money(was + params["amount_micros"])
    return [_number(params, say), Fact("credit", after, was=say.money(was))]


def _reversal(params: _Params, before: _Params, say: Wording) -> list[Fact]:
    was = before["balance_micros"]
    after = say.money(max(0, was - params["taken_micros"]))
    return [
        _number(params, say),
        Fact("topup_no", str(params["topup_no"])),
        Fact("taken", say.money(params["taken_micros"])),
        Fact("credit", after, was=say.money(was)),
    ]


def _move(params: _Params, before: _Params, say: Wording) -> list[Fact]:
    was, to_was = before["balance_micros"], before["to_balance_micros"]
    moved = params["taken_micros"]
    to_msisdn = params["to_msisdn"]
    return [
        _number(params, say),
        Fact("topup_no", str(params["topup_no"])),
        Fact("moved", say.money(moved)),
        Fact("credit", say.money(max(0, was - moved)), was=say.money(was)),
        Fact("to_number", say.number(to_msisdn), f"{LINES}/{to_msisdn}"),
        Fact("credit", say.money(to_was + moved), was=say.money(to_was)),
    ]


def _refund(params: _Params, _: _Params, say: Wording) -> list[Fact]:
    reference = params["reference"]
    facts = [
        _number(params, say),
        Fact("payment", show_reference(reference), f"{PAYMENTS}/{reference}"),
        Fact("goes_back", say.money(params["refund_micros"])),
    ]
    if params["at_cost_micros"]:
        facts.append(Fact("at_cost", say.money(params["at_cost_micros"])))
    return facts


def _promotion(params: _Params, _: _Params, say: Wording) -> list[Fact]:
    return promotion_facts(read_plain(params["promotion"]), say)


def _ending(_: _Params, before: _Params, say: Wording) -> list[Fact]:
    stood = read_plain(before["promotion"])
    facts = [fact for fact in promotion_facts(stood, say) if fact.word != "promo_until"]
    was = say.when(stood.until) if stood.until else say.texts.get("promotions.open")
    return [*facts, Fact("promo_until", say.texts.get("dealers.at_once"), was=was)]


def _package(params: _Params, before: _Params, say: Wording) -> list[Fact]:
    stood = before.get("package")
    wanted = as_package(params["package"])
    return package_facts(wanted, say, as_package(stood) if stood else None)


def _withdrawal(_: _Params, before: _Params, say: Wording) -> list[Fact]:
    return package_facts(as_package(before["package"]), say)


def _generate(params: _Params, _: _Params, say: Wording) -> list[Fact]:
    facts = _worth(params, say)
    until = params["redeem_before"]
    if until:
        facts.append(Fact("redeem_until", say.last_day(datetime.fromisoformat(until))))
    for kind in params["printed"]:
        facts.append(Fact("file", say.texts.get(f"acts.printed.{kind}")))
    for word in ("lettered", "born_active"):
        facts.append(Fact(word, say.texts.get("acts.yes" if params[word] else "acts.no")))
    facts.append(Fact("recipient", params["recipient"] or say.texts.get("acts.no")))
    return facts


def _batch_deed(after: str) -> Callable[[_Params, _Params, Wording], list[Fact]]:
    """Return what writes the facts of a deed after which a batch is in that state."""

    def facts(params: _Params, before: _Params, say: Wording) -> list[Fact]:
        state = say.texts.get(f"batch_state.{before['batch_state']}")
        found = [_batch(params["batch"]), *_worth(params, say)]
        if "file" in params:
            found.append(Fact("file", say.texts.get(f"acts.file.{params['file']}")))
        if after:
            now = say.texts.get(f"batch_state.{after}")
            return [*found, Fact("batch_state", now, was=state)]
        return [*found, Fact("batch_state", state)]

    return facts


def _activation(params: _Params, _: _Params, say: Wording) -> list[Fact]:
    first = format_serial(params["batch"], params["first"])
    last = format_serial(params["batch"], params["last"])
    return [
        _batch(params["batch"]),
        Fact("range", f"{first} – {last}"),
        *_worth(params, say),
    ]


def _funding(params: _Params, before: _Params, say: Wording) -> list[Fact]:
    was = before["float_micros"]
    return [
        Fact("partner", f"{params['name']} ({params['partner']})"),
        Fact("float", say.money(was + params["amount_micros"]), was=say.money(was)),
        Fact("reference", params["reference"]),
    ]


def _float_move(params: _Params, before: _Params, say: Wording) -> list[Fact]:
    was, to_was, amount = (
        before["float_micros"],
        before["to_float_micros"],
        params["amount_micros"],
    )
    return [
        dealer_fact("giver", params["partner"], params["name"]),
        Fact("float", say.money(was - amount), was=say.money(was)),
        dealer_fact("receiver", params["to"], params["to_name"]),
        Fact("float", say.money(to_was + amount), was=say.money(to_was)),
        Fact("reference", params["reference"]),
    ]


def _commission(params: _Params, _: _Params, say: Wording) -> list[Fact]:
    dealers: list[tuple[int, str, int]] = params["dealers"]
    owed = [_owed(number, name, micros, say) for number, name, micros in dealers[:_MOST_DEALERS]]
    return [
        Fact("until_day", say.day(date.fromisoformat(params["until"]))),
        *owed,
        Fact("dealers_paid", f"{len(dealers):,}"),
        Fact("sum_due", say.money(params["sum_micros"])),
    ]


def _owed(partner_id: int, name: str, amount_micros: int, say: Wording) -> Fact:
    told = dealer_fact("partner", partner_id, name)
    return told._replace(value=f"{told.value}: {say.money(amount_micros)}")


def _agreement(params: _Params, before: _Params, say: Wording) -> list[Fact]:
    since = params["effective_at"]
    at = say.when(datetime.fromisoformat(since)) if since else say.texts.get("dealers.at_once")
    after, was = terms_told(params, say), terms_told(before, say) if before else {}
    return [
        dealer_fact("partner", params["partner"], params["name"]),
        *(
            Fact(word, value, was="" if was.get(word) == value else was.get(word, ""))
            for word, value in after.items()
        ),
        Fact("in_force", at),
    ]


def _tariff(params: _Params, before: _Params, say: Wording) -> list[Fact]:
    sheet, was = str(params["sheet"]), before["sheet"]
    at = datetime.fromisoformat(params["effective_from"])
    return [
        Fact("tariff", params["tariff"]),
        Fact("tariff_sheet", sheet, f"{TARIFFS}/{sheet}", was=str(was) if was else ""),
        Fact("in_force", say.when(at)),
        Fact("tariff_rates", f"{params['rates']:,}"),
        *asked_facts(params, say),
        Fact("sha256", params["sha256"]),
    ]


def _new_dealer(params: _Params, _: _Params, say: Wording) -> list[Fact]:
    parent, cap, terms = params["parent"], params["daily_cap_micros"], params["terms"]
    facts = [
        Fact("called", params["name"]),
        Fact("dealer_kind", say.texts.get(f"dealers.kind.{params['kind']}")),
        dealer_fact("parent", parent, params["parent_name"])
        if parent
        else Fact("parent", say.texts.get("dealers.root")),
    ]
    if params["draws_on_parent"]:
        facts.append(dealer_fact("draws_on", parent, params["parent_name"]))
    return [
        *facts,
        Fact("credit_limit", say.money(params["credit_limit_micros"])),
        Fact("least_sale", say.money(params["least_micros"])),
        Fact("most_sale", say.money(params["most_micros"])),
        Fact("most_day", say.texts.get("dealers.none") if cap is None else say.money(cap)),
        *(
            Fact(word, value)
            for word, value in (terms_told(terms, say) if terms else {}).items()
            if word in ("rate", "paid_as")
        ),
    ]


def terms_told(terms: Mapping[str, Any], say: Wording) -> dict[str, str]:
    """Return what is agreed with a dealer, by the word of each fact."""
    none = say.texts.get("dealers.own_limit")
    most = {word: terms[f"{word}_micros"] for word in ("most_sale", "most_day")}
    return {
        "rate": f"{percent(terms['rate_bp'])} %",
        "paid_as": say.texts.get(f"dealers.paid_as.{terms['paid_as']}"),
        **{word: none if value is None else say.money(value) for word, value in most.items()},
    }


def dealer_fact(word: str, partner_id: int, name: str) -> Fact:
    """Return a dealer's name and number, which lead to its record."""
    return Fact(word, f"{name} ({partner_id})", f"{DEALERS}/{partner_id}")


def _roles(params: _Params, before: _Params, say: Wording) -> list[Fact]:
    return [
        Fact("name", params["name"]),
        Fact("roles", _listed(params["roles"], say), was=_listed(before.get("roles", ()), say)),
    ]


_FACTS: Mapping[Deed, Callable[[_Params, _Params, Wording], list[Fact]]] = MappingProxyType(
    {
        Deed.ADJUST_CREDIT: _credit,
        Deed.REVERSE_TOPUP: _reversal,
        Deed.MOVE_TOPUP: _move,
        Deed.REFUND_PAYMENT: _refund,
        Deed.GENERATE_BATCH: _generate,
        Deed.RELEASE_BATCH: _batch_deed("released"),
        Deed.CLOSE_BATCH: _batch_deed("closed"),
        Deed.VOID_BATCH: _batch_deed("void"),
        Deed.EXPORT_BATCH: _batch_deed(""),
        Deed.ACTIVATE_CARDS: _activation,
        Deed.FUND_PARTNER: _funding,
        Deed.MOVE_FLOAT: _float_move,
        Deed.PAY_COMMISSION: _commission,
        Deed.CHANGE_AGREEMENT: _agreement,
        Deed.LOAD_TARIFF: _tariff,
        Deed.ADD_DEALER: _new_dealer,
        Deed.FUND_FROM_BANK: _funding,
        Deed.INVITE_STAFF: _roles,
        Deed.CHANGE_ROLES: _roles,
        Deed.MAKE_PROMOTION: _promotion,
        Deed.END_PROMOTION: _ending,
        Deed.SELL_PACKAGE: _package,
        Deed.WITHDRAW_PACKAGE: _withdrawal,
    }
)


def _number(params: _Params, say: Wording) -> Fact:
    msisdn = params["msisdn"]
    return Fact("number", say.number(msisdn), f"{LINES}/{msisdn}")


def _batch(batch_id: int) -> Fact:
    return Fact("batch", str(batch_id), f"{BATCHES}/{batch_id}")


def _worth(params: _Params, say: Wording) -> list[Fact]:
    return [
        Fact("price", say.money(params["price_micros"])),
        Fact("quantity", f"{params['quantity']:,}"),
        Fact("worth", say.money(params["worth_micros"])),
    ]


def _listed(roles: Any, say: Wording) -> str:
    return " · ".join(say.texts.get(f"console.role.{role}") for role in roles)
