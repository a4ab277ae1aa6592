"""From operator.toml, as people write it, to the rules that `decide` is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from ipaddress import ip_address
from types import MappingProxyType
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tambah.config import (
    ConfigError,
    ConsoleEntry,
    DealersEntry,
    DenominationEntry,
    Operator,
    ShopEntry,
    SignInEntry,
    SimsEntry,
    SingleSignOnEntry,
    TicketsEntry,
    check_nchf,
)
from tambah.domain.catalog import Catalog, Denomination, OwnAmount
from tambah.domain.dealer_rule import DealerRule
from tambah.domain.finance.journal import with_own_codes
from tambah.domain.guessing import GuessingRule
from tambah.domain.ledger import Account
from tambah.domain.line import Language, LifeRule
from tambah.domain.numbering import NumberPlan
from tambah.domain.payment import PaymentRule
from tambah.domain.reminder_rule import ReminderRule
from tambah.domain.rules import Rules
from tambah.domain.seller import SellerRule
from tambah.domain.service_hours import ServiceHours, parse_week
from tambah.domain.sign_in_rule import SignInRule
from tambah.domain.sim_rule import SimRule
from tambah.domain.single_sign_on import SingleSignOnRule
from tambah.domain.staff import StaffRule
from tambah.domain.tariff import HOME, TariffBook
from tambah.domain.ticket import Category, TicketRule
from tambah.domain.validity import ValidityPolicy, ValidityRule
from tambah.engine.charging import charging_rule
from tambah.engine.entries import read_day as _day
from tambah.engine.entries import read_money as _money
from tambah.engine.packages import package_rules
from tambah.engine.promotions import promotion_rules

_TILES = re.compile(r"(https://[0-9a-z.-]+(:[0-9]{1,5})?)?/(?!/)[0-9A-Za-z._~{}/@?=&-]+", re.ASCII)
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_PLACES = ("{z}", "{x}", "{y}")
_TARIFF = re.compile(r"[a-z][a-z0-9-]{0,29}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_MOST_HOLD_HOURS = 24 * 30
_MOST_SESSION_HOURS = 24
_MOST_UNDO_MINUTES = 60 * 24
_MOST_MOVE_HOURS = 24 * 30
PAYMENT_METHODS = frozenset({"card", "fpx", "paypal", "bank", "sandbox"})


def operator_rules(operator: Operator) -> Rules:
    """Return the operator's rules. Raises ConfigError naming the entry that is wrong."""
    validity = _validity(operator)
    denominations = tuple(
        _denomination(entry, place, validity) for place, entry in enumerate(operator.denominations)
    )
    guessing = operator.guessing
    life = operator.validity
    _require_tiles(operator.points.tile_url)
    if not guessing.ladder or tuple(sorted(guessing.ladder)) != guessing.ladder:
        raise ConfigError("guessing.ladder: steps must ascend, and there must be one")
    ticket_rule(operator)
    staff_rule(operator.console)
    single_sign_on_rule(operator.single_sign_on)
    seller_rule(operator.shop)
    alone_up_to(operator.console)
    account_codes(operator)
    check_nchf(operator.nchf)
    return Rules(
        catalog=_catalog(operator, denominations),
        validity=validity,
        life=LifeRule(
            grace_days=life.grace_days,
            reactivation_days=life.reactivation_days,
            quarantine_days=life.quarantine_days,
            stale_hours=life.stale_hours,
            reactivation_hours=life.reactivation_hours,
            reactivation_fee_micros=_money(life.reactivation_fee, "validity.reactivation_fee"),
        ),
        guessing=GuessingRule(
            ladder=guessing.ladder,
            source_hourly=guessing.source_hourly,
            guests_hourly=guessing.guests_hourly,
        ),
        numbers=NumberPlan(
            country_code=operator.country_code,
            trunk_prefix=operator.trunk_prefix,
            mobile_prefixes=operator.mobile_prefixes,
            national_lengths=operator.national_lengths,
        ),
        most_credit_micros=_money(operator.most_credit, "most_credit"),
        payments=_payments(operator),
        signing_in=_signing_in(operator.sign_in),
        sims=_sims(operator.sims),
        reminders=_reminders(operator),
        promotions=promotion_rules(operator, validity),
        dealers=_dealers(operator.dealers),
        charging=charging_rule(operator.charging),
        tariffs=_tariffs(operator),
        move_hours=_move_hours(operator.console),
        packages=package_rules(operator, validity),
    )


def _tariffs(operator: Operator) -> TariffBook:
    """Return the book without sheets: those are in the database. Raises ConfigError."""
    entry = operator.tariffs
    for plan in entry.plans:
        if plan not in operator.plans:
            raise ConfigError(f"tariffs.plans: {plan} is none of plans")
    for name in (*entry.plans.values(), *entry.zones):
        if name == HOME or not _TARIFF.fullmatch(name):
            raise ConfigError(f"tariffs: {name} must be small letters, digits and dashes")
    for countries in entry.zones.values():
        if not countries or not all(_COUNTRY.fullmatch(country) for country in countries):
            raise ConfigError("tariffs.zones: each lists countries by two letters, such as SG")
    return TariffBook(plans=MappingProxyType(dict(entry.plans)))


def staff_rule(entry: ConsoleEntry) -> StaffRule:
    """Return how the console is guarded. Raises ConfigError."""
    if not entry.ladder or tuple(sorted(entry.ladder)) != entry.ladder:
        raise ConfigError("console.ladder: steps must ascend, and there must be one")
    if not 1 <= entry.session_hours <= _MOST_SESSION_HOURS or entry.idle_minutes < 1:
        raise ConfigError(
            f"console.session_hours, idle_minutes: 1 at least, {_MOST_SESSION_HOURS} hours at most"
        )
    return StaffRule(
        ladder=entry.ladder,
        session_hours=entry.session_hours,
        idle_minutes=entry.idle_minutes,
    )


def door_rule(operator: Operator) -> StaffRule:
    """Return how the console is guarded, and whose passwords count there."""
    only = operator.single_sign_on.only
    return replace(staff_rule(operator.console), passwords_for_administrators_alone=only)


def single_sign_on_rule(entry: SingleSignOnEntry) -> SingleSignOnRule | None:
    """Return who comes in by single sign-on, None where there is none. Raises ConfigError."""
    if not entry.issuer:
        if entry.only or entry.client_id:
            raise ConfigError("single_sign_on.issuer: needed for client_id and only")
        return None
    if not is_private(entry.issuer) or not entry.client_id:
        raise ConfigError("single_sign_on: issuer, an https:// address, and client_id are needed")
    if not all(_DOMAIN.fullmatch(one) for one in entry.domains):
        raise ConfigError("single_sign_on.domains: names of domains in small letters, without @")
    return SingleSignOnRule(
        issuer=entry.issuer,
        client_id=entry.client_id,
        domains=frozenset(entry.domains),
        trusts_second_factor=entry.trusts_second_factor,
        methods=frozenset(entry.methods),
    )


def is_private(address: str) -> bool:
    """Say whether nobody on the way reads what is sent to an address: TLS, or this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return bool(parts.hostname)
    try:
        return parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def seller_rule(entry: ShopEntry) -> SellerRule:
    """Return how the shops' doors are guarded. Raises ConfigError."""
    if not entry.ladder or tuple(sorted(entry.ladder)) != entry.ladder:
        raise ConfigError("shop.ladder: steps must ascend, and there must be one")
    minutes = (entry.idle_minutes, entry.pin_minutes)
    if not 1 <= entry.session_hours <= _MOST_SESSION_HOURS or min(minutes) < 1:
        raise ConfigError(
            "shop.session_hours, idle_minutes, pin_minutes: 1 at least,"
            f" {_MOST_SESSION_HOURS} hours at most"
        )
    return SellerRule(
        ladder=entry.ladder,
        session_hours=entry.session_hours,
        idle_minutes=entry.idle_minutes,
        pin_minutes=entry.pin_minutes,
        pin_above_micros=_money(entry.pin_above, "shop.pin_above"),
    )


def alone_up_to(entry: ConsoleEntry) -> int:
    """Return how much one person puts right without a second, in micro-ringgit.

    Raises ConfigError.
    """
    return _money(entry.alone_up_to, "console.alone_up_to")


def _move_hours(entry: ConsoleEntry) -> int:
    if not 0 <= entry.move_topup_hours <= _MOST_MOVE_HOURS:
        raise ConfigError(f"console.move_topup_hours: from 0 to {_MOST_MOVE_HOURS}")
    return entry.move_topup_hours


def _reminders(operator: Operator) -> ReminderRule:
    entry = operator.reminders
    if not 7 <= entry.from_hour < entry.until_hour <= 22:
        raise ConfigError(
            "reminders.from_hour, until_hour: from 7 to 22, the first before the last"
        )
    for name, days in (
        ("before_grace", entry.before_grace),
        ("before_expiry", entry.before_expiry),
        ("before_quarantine", entry.before_quarantine),
    ):
        if len(set(days)) != len(days) or any(not 0 <= one <= 365 for one in days):
            raise ConfigError(f"reminders.{name}: numbers of days from 0 to 365, each once")
    return ReminderRule(
        before_grace=entry.before_grace,
        before_expiry=entry.before_expiry,
        before_quarantine=entry.before_quarantine,
        from_hour=entry.from_hour,
        until_hour=entry.until_hour,
    )


def _require_tiles(address: str) -> None:
    """Refuse an address of tiles that is none, or that would say more in a header than itself."""
    if address and not (_TILES.fullmatch(address) and all(p in address for p in _PLACES)):
        raise ConfigError(
            "points.tile_url: an https:// address or a path, with {z}, {x} and {y} in it"
        )


def ticket_rule(operator: Operator) -> TicketRule:
    """Return what is promised about tickets. Raises ConfigError naming the entry that is wrong."""
    entry = operator.tickets
    targets = {one: getattr(entry, f"{one.value}_hours") * 60 for one in Category}
    if min(targets.values()) <= 0:
        raise ConfigError("tickets: an answer takes one hour at least")
    for code, wordings in entry.answers.items():
        if set(wordings) != {language.tag for language in Language}:
            raise ConfigError(f"tickets.answers.{code}: a text for each language, no other")
    return TicketRule(hours=_hours(entry, operator.time_zone), target_minutes=targets)


def _hours(entry: TicketsEntry, time_zone: str) -> ServiceHours:
    try:
        return ServiceHours(
            zone=ZoneInfo(time_zone),
            week=parse_week(entry.hours),
            holidays=frozenset(date.fromisoformat(day) for day in entry.holidays),
        )
    except ValueError as error:
        raise ConfigError(f"tickets.hours, tickets.holidays: {error}") from error


def account_codes(operator: Operator) -> Mapping[Account, str]:
    """Return the accounting system's codes of accounts. Raises ConfigError."""
    try:
        return with_own_codes(operator.finance.accounts)
    except ValueError as wrong:
        raise ConfigError(f"finance.accounts: {wrong}") from wrong


def _signing_in(entry: SignInEntry) -> SignInRule:
    if not entry.ladder or tuple(sorted(entry.ladder)) != entry.ladder:
        raise ConfigError("sign_in.ladder: steps must ascend, and there must be one")
    return SignInRule(
        code_minutes=entry.code_minutes,
        asks_hourly=entry.asks_hourly,
        ladder=entry.ladder,
        session_hours=entry.session_hours,
        idle_minutes=entry.idle_minutes,
    )


def _sims(entry: SimsEntry) -> SimRule:
    if not 0 <= entry.hold_hours <= _MOST_HOLD_HOURS:
        raise ConfigError(f"sims.hold_hours: from 0 to {_MOST_HOLD_HOURS}")
    prefixes = (*entry.iccid_prefixes, *entry.imsi_prefixes)
    if not all(prefix.isascii() and prefix.isdigit() for prefix in prefixes):
        raise ConfigError("sims: prefixes are digits")
    return SimRule(hold_hours=entry.hold_hours)


def _dealers(entry: DealersEntry) -> DealerRule:
    if not 0 <= entry.undo_minutes <= _MOST_UNDO_MINUTES:
        raise ConfigError(f"dealers.undo_minutes: from 0 to {_MOST_UNDO_MINUTES}")
    return DealerRule(undo_minutes=entry.undo_minutes)


def _payments(operator: Operator) -> PaymentRule:
    entry = operator.payments
    if not 30 <= entry.window_minutes <= 1440:
        raise ConfigError("payments.window_minutes: from 30 to 1440, as payment pages allow")
    unknown = set(entry.methods) - PAYMENT_METHODS
    if unknown or set(entry.fees) - PAYMENT_METHODS:
        known = ", ".join(sorted(PAYMENT_METHODS))
        raise ConfigError(f"payments: methods and fees are of {known}")
    return PaymentRule(
        least_micros=_money(entry.least, "payments.least"),
        most_micros=_money(entry.most, "payments.most"),
        line_daily_micros=_money(entry.line_daily, "payments.line_daily"),
        line_daily_count=entry.line_daily_count,
        window_minutes=entry.window_minutes,
        bank_days=entry.bank_days,
        refund_days=entry.refund_days,
        fees=tuple(
            (method, _money(fee, f"payments.fees.{method}")) for method, fee in entry.fees.items()
        ),
    )


def _catalog(operator: Operator, denominations: tuple[Denomination, ...]) -> Catalog:
    own = operator.own_amount
    own_amount = OwnAmount(
        least_micros=_money(own.least, "own_amount.least"),
        most_micros=_money(own.most, "own_amount.most"),
        days_per_ringgit=own.days_per_ringgit,
        tax_permille=own.tax_permille,
    )
    try:
        return Catalog(denominations=denominations, own_amount=own_amount)
    except ValueError as error:
        raise ConfigError(f"denominations: {error}") from error


def _validity(operator: Operator) -> ValidityRule:
    try:
        return ValidityRule(
            policy=ValidityPolicy(operator.validity.policy),
            zone=ZoneInfo(operator.time_zone),
            cap_days=operator.validity.cap_days,
        )
    except ZoneInfoNotFoundError as error:
        raise ConfigError(f"time_zone: there is no {operator.time_zone}") from error
    except ValueError as error:
        known = ", ".join(ValidityPolicy)
        raise ConfigError(f"validity.policy: not one of {known}") from error


def _denomination(entry: DenominationEntry, place: int, validity: ValidityRule) -> Denomination:
    where = f"denominations[{place}]"
    price_micros = _money(entry.price, f"{where}.price")
    tax_micros = _money(entry.tax, f"{where}.tax")
    credit_micros = (
        _money(entry.credit, f"{where}.credit") if entry.credit else price_micros - tax_micros
    )
    if credit_micros <= 0 or entry.valid_days < 1:
        raise ConfigError(f"{where}: credit and valid_days must be more than nothing")
    return Denomination(
        price_micros=price_micros,
        tax_micros=tax_micros,
        credit_micros=credit_micros,
        bonus_micros=_money(entry.bonus, f"{where}.bonus"),
        valid_days=entry.valid_days,
        bonus_days=entry.bonus_days,
        on_sale_from=_day(entry.on_sale_from, f"{where}.on_sale_from", validity),
        on_sale_until=(
            _day(entry.on_sale_until, f"{where}.on_sale_until", validity)
            if entry.on_sale_until
            else None
        ),
    )
