"""Entries of operator.toml: ringgit as strings, days as numbers."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec


class DenominationEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A denomination as operator.toml has it: ringgit as strings, days as numbers."""

    price: str
    credit: str = ""
    tax: str = "0.00"
    bonus: str = "0.00"
    valid_days: int
    bonus_days: int = 30
    on_sale_from: str = "2020-01-01"
    on_sale_until: str = ""


class OwnAmountEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amounts of one's own: limits in ringgit, days for each ringgit."""

    least: str = "1.00"
    most: str = "500.00"
    days_per_ringgit: int = 1
    tax_permille: int = 0


class ValidityEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The validity policy and how long each stage of a line's life lasts.

    reactivation_fee: in ringgit, what bringing an expired line back takes of the top-up;
    reactivation_hours: until when after the identity check.
    """

    policy: str = "add_with_cap"
    cap_days: int = 365
    grace_days: int = 50
    reactivation_days: int = 30
    quarantine_days: int = 183
    stale_hours: int = 24
    reactivation_hours: int = 48
    reactivation_fee: str = "0.00"


class RemindersEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reminders by SMS: days before the last day of each stage, and the local hours for them."""

    before_grace: tuple[int, ...] = (7, 3, 1)
    before_expiry: tuple[int, ...] = (14, 3)
    before_quarantine: tuple[int, ...] = (7,)
    from_hour: int = 10
    until_hour: int = 20


class GuessingEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lock-outs for wrong codes: [wrong in a row, minutes] steps, and hourly budgets."""

    ladder: tuple[tuple[int, int], ...] = ((5, 15), (10, 30), (15, 60), (20, 1440))
    source_hourly: int = 30
    guests_hourly: int = 2000


class ChargingEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How credit is promised while it is used; see `domain.charging_rule`.

    Units of one grant, and the least of them: seconds, messages, megabytes (of 1,048,576 bytes).
    applications: class of application by rating group; zones: zone by network code, `502` or
    `50219`.
    """

    call_seconds: int = 300
    messages: int = 1
    data_megabytes: int = 50
    least_call_seconds: int = 30
    least_data_megabytes: int = 1
    share_percent: int = 50
    validity_minutes: int = 60
    threshold_percent: int = 20
    linger_minutes: int = 15
    booking_minutes: int = 60
    refund_hours: int = 24
    applications: dict[str, str] = {}
    zones: dict[str, str] = {}


class SignInEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signing in by one-time password: how long things last, and what guards them.

    asks_hourly: passwords for one number; source_asks_hourly: asked for by one source;
    source_wrong_hourly, all_wrong_hourly: wrong ones of one source, and of everybody together.
    ladder: as of recharge codes, for one number.
    """

    code_minutes: int = 5
    asks_hourly: int = 5
    source_asks_hourly: int = 30
    ladder: tuple[tuple[int, int], ...] = ((5, 15), (10, 30), (15, 60), (20, 1440))
    source_wrong_hourly: int = 30
    all_wrong_hourly: int = 2000
    session_hours: int = 24
    idle_minutes: int = 60
    fresh_minutes: int = 5


class ConsoleEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator's console: how long staff stay signed in, and what guards the door.

    ladder: as of recharge codes, for wrong tries at one account. source_wrong_hourly,
    all_wrong_hourly: wrong tries of one source, and of everybody together. session_hours: after
    which one signs in anew; idle_minutes: the same after doing nothing. alone_up_to: ringgit, the
    most that one person puts right or takes back without a second one. move_topup_hours: how long
    after it a top-up may be moved to the right number, 0 for never. command_line_asks: the
    command line files requests too, once two people work here who could decide them.
    """

    ladder: tuple[tuple[int, int], ...] = ((5, 15), (10, 30), (15, 60), (20, 1440))
    source_wrong_hourly: int = 30
    all_wrong_hourly: int = 500
    session_hours: int = 10
    idle_minutes: int = 30
    alone_up_to: str = "10.00"
    move_topup_hours: int = 24
    command_line_asks: bool = True


class SingleSignOnEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Single sign-on of staff by OpenID Connect; no issuer, none.

    name: what people call the provider, on the button. domains: of verified email addresses whose
    first part is the name of the account. trusts_second_factor: none of ours is asked for where
    the provider says one of `methods` (amr; an empty list: always). only: passwords are for
    administrators alone.
    """

    issuer: str = ""
    client_id: str = ""
    name: str = ""
    domains: tuple[str, ...] = ()
    trusts_second_factor: bool = False
    methods: tuple[str, ...] = ("mfa",)
    only: bool = False


class ShopEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shops' doors, by page and by SMS: how long sellers stay signed in, what guards them.

    ladder: as of recharge codes, for wrong PINs of one seller. source_wrong_hourly,
    all_wrong_hourly: wrong ones of one source, and of everybody together. session_hours: after
    which one signs in anew; idle_minutes: the same after doing nothing. pin_minutes: for how long
    sales are made without the PIN; pin_above: ringgit, a dearer one never is.
    """

    ladder: tuple[tuple[int, int], ...] = ((5, 15), (10, 30), (15, 60), (20, 1440))
    source_wrong_hourly: int = 30
    all_wrong_hourly: int = 1000
    session_hours: int = 14
    idle_minutes: int = 120
    pin_minutes: int = 15
    pin_above: str = "100.00"


class RecoveryEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Proving who one is without the phone: how often, and what the network tells.

    document_daily: tries a day for one document; source_hourly: for one source; all_hourly: for
    everybody together. number_header: in which the operator's own network passes the number of
    the phone that asks, believed from TAMBAH_TRUSTED_PROXIES alone; empty for none.
    """

    document_daily: int = 3
    source_hourly: int = 10
    all_hourly: int = 500
    number_header: str = ""


class SimsEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SIMs: what numbers of ours begin with, none for any, and what follows a replacement."""

    iccid_prefixes: tuple[str, ...] = ()
    imsi_prefixes: tuple[str, ...] = ()
    hold_hours: int = 24


class DealersEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Dealers: for how many minutes a sale may be undone by who made it, 0 for never."""

    undo_minutes: int = 10


class Brand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who the operator is, as pages and messages show it.

    short_name: of MOST_SHORT_NAME characters, as messages have room for; empty takes name.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    short_name: str = ""
    sms_prefix: Annotated[str, msgspec.Meta(min_length=1, max_length=7)] = "RM0.00 "
    hotline: str = ""
    hotline_hours: Annotated[str, msgspec.Meta(max_length=60)] = ""
    colour: str = "#0b5d57"

    def __post_init__(self) -> None:
        """Refuse what would only come out on a page, a card or a message. Raises ValueError."""
        if len(self.short_name or self.name) > MOST_SHORT_NAME:
            field = "short_name" if self.short_name else "name"
            hint = "" if self.short_name else "; give a short_name for messages"
            raise ValueError(f"{field} is longer than {MOST_SHORT_NAME} characters{hint}")
        if self.hotline and not _HOTLINE.fullmatch(self.hotline):
            raise ValueError(f"hotline: {self.hotline!r} is no telephone number")
        if not COLOUR.fullmatch(self.colour):
            raise ValueError(f"colour: {self.colour!r} is not a colour such as #0b5d57")


MOST_SHORT_NAME = 11
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_HOTLINE = re.compile(r"[+*]?[0-9][0-9 -]{0,20}#?")


class SocialEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An official account of the operator's elsewhere: the network's name and its address."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=30)]
    url: Annotated[str, msgspec.Meta(pattern=r"^https://[^\s/@\\]+\.[^\s\\]+$")]


class PaymentsEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paying for top-ups: what is offered, limits in ringgit, how long things may take.

    methods: in the order that pages show them, of `card`, `fpx` (Stripe), `paypal`, `bank`. fees:
    by method, charged on top. show_masked_name: lets whoever types a number see `N**r A****h`.
    look_ups_hourly: numbers that one source may have checked in an hour; all_look_ups_hourly:
    by everybody together, before an alarm.
    """

    methods: tuple[str, ...] = ()
    least: str = "1.00"
    most: str = "500.00"
    line_daily: str = "1000.00"
    line_daily_count: int = 20
    window_minutes: int = 60
    bank_days: int = 5
    refund_days: int = 14
    fees: dict[str, str] = {}
    show_masked_name: bool = False
    look_ups_hourly: int = 60
    all_look_ups_hourly: int = 20000


class PointsEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The map of top-up points. tile_url: of its tiles, with {z}, {x}, {y}; empty draws none."""

    tile_url: str = ""
    tile_attribution: str = ""


class BankEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account into which bank transfers are paid.

    acquirer_id, merchant_id: of the DuitNow QR, as the bank gives them; without them no QR.
    category: merchant category code (ISO 18245).
    """

    account_name: str
    account_number: str
    bank_name: str
    acquirer_id: str = ""
    merchant_id: str = ""
    city: str = "Kuala Lumpur"
    postcode: str = ""
    category: str = "4814"


class TariffsEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tariffs. plans: which tariff lines of a plan have, `standard` those of any other.

    zones: roaming zones by name, each with its countries (ISO 3166, two letters).
    """

    plans: dict[str, str] = {}
    zones: dict[str, tuple[str, ...]] = {}


class TicketsEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tickets to customer care: when somebody is there, within how many of those hours to answer.

    hours: `mon-fri 09:00-18:00`, past midnight where the second is the earlier. holidays: dates.
    <category>_hours: business hours within which that category is answered. most_open: tickets of
    one number that wait for us. source_hourly, all_hourly: tickets, notes and photos an hour from
    one source and from everybody together; source_wrong_hourly, all_wrong_hourly: wrong
    references. answers: ready answers of the operator's own, by code and language tag.
    """

    hours: tuple[str, ...] = ("mon-fri 09:00-18:00", "sat 09:00-13:00")
    holidays: tuple[str, ...] = ()
    failed_topup_hours: int = 4
    damaged_card_hours: int = 9
    wrong_charge_hours: int = 18
    sim_or_phone_hours: int = 4
    other_hours: int = 27
    most_open: int = 5
    source_hourly: int = 20
    all_hourly: int = 5000
    source_wrong_hourly: int = 30
    all_wrong_hourly: int = 2000
    answers: dict[str, dict[str, str]] = {}


class FinanceEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Closing the books. accounts: the accounting system's codes by our accounts' names.

    close_automatically: every day is closed when it is over, every month with its last day.
    """

    accounts: dict[str, str] = {}
    close_automatically: bool = False


class AllowanceEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An allowance that a promotion gives, and for how many days.

    unit: `seconds`, `minutes`, `messages`, `bytes`, `MB` or `GB` (1024 MB).
    """

    amount: int
    unit: str
    days: int


class PrintingEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Printed cards. templates: a folder of the operator's own templates; empty means ours."""

    templates: str = ""


class PromotionEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A promotion as operator.toml has it: ringgit as strings, local days as strings.

    until: the first day without it. The empty ones of what it is for mean any.
    """

    name: str
    since: str
    until: str = ""
    group: str = ""
    extra_permille: int = 0
    bonus: str = "0.00"
    bonus_days: int = 30
    extra_days: int = 0
    allowances: tuple[AllowanceEntry, ...] = ()
    first_topup: bool = False
    activated_within_days: int = 0
    denominations: tuple[str, ...] = ()
    least: str = "0.00"
    sources: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()


class PackageAllowanceEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An allowance of a package. unit: as of a promotion's; classes: what for, none for all."""

    amount: int
    unit: str
    classes: tuple[str, ...] = ()


class PackageEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A package as operator.toml has it: ringgit as a string, local days as strings.

    names, terms: by language tag. days: it ends with the local day so many days on, 0 for the
    same day; or hours. on_sale_until: the first day without it. The empty ones of whom it is for
    mean anybody.
    """

    code: str
    names: dict[str, str]
    terms: dict[str, str] = {}
    price: str
    allowances: tuple[PackageAllowanceEntry, ...]
    days: int = 0
    hours: int = 0
    recurring: bool = False
    auto_renew: bool = False
    stacking: str = "add"
    main_only: bool = False
    on_sale_from: str = "2020-01-01"
    on_sale_until: str = ""
    plans: tuple[str, ...] = ()
    activated_within_days: int = 0
    needs: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()
