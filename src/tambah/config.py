"""Configuration: the environment (prefix TAMBAH_, each with a _FILE twin) and operator.toml."""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec


class ConfigError(Exception):
    """The configuration cannot be used; the text says what to change."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says.

    database_url: a PostgreSQL of the operator's; empty means the embedded one under data_dir.
    owner_database_url: the same database as a role that may create tables; empty means the same.
    pepper: the peppers' text; empty lets a demo make its own in data_dir. stripe_api_url,
    paypal_api_url: other than the live service, for tests. bank_folder: watched for statements.
    recordings_dir: what the hotline says, recorded by people; empty means drafts alone.
    """

    database_url: str = ""
    owner_database_url: str = ""
    data_dir: str = ""
    listen: str = "127.0.0.1:8000"
    public_url: str = ""
    pepper: str = ""
    trusted_proxies: str = ""
    operator_file: str = ""
    queue_limit: int = 2000
    lanes: int = 1
    log_level: str = "info"
    listen_anywhere: str = ""
    stripe_secret_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_api_url: str = ""
    paypal_client_id: str = ""
    paypal_client_secret: str = ""
    paypal_webhook_id: str = ""
    paypal_api_url: str = ""
    bank_folder: str = ""
    recordings_dir: str = ""


SECRET_SETTINGS = frozenset(
    {
        "pepper",
        "database_url",
        "owner_database_url",
        "stripe_secret_key",
        "stripe_webhook_secret",
        "paypal_client_secret",
    }
)


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read TAMBAH_* and TAMBAH_*_FILE. Raises ConfigError."""
    values: dict[str, str] = {}
    for name in Settings.__struct_fields__:
        value = _read_variable(f"TAMBAH_{name.upper()}", environ)
        if value is not None:
            values[name] = value
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"environment: {error}") from error


def _read_variable(variable: str, environ: Mapping[str, str]) -> str | None:
    """Return a variable, or what the file of its twin holds; None when neither is set."""
    path = environ.get(f"{variable}_FILE")
    if variable in environ and path:
        raise ConfigError(f"set {variable} or {variable}_FILE, not both")
    if not path:
        return environ.get(variable)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{variable}_FILE: cannot read {path}: {error}") from error


class DenominationEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A denomination as operator.toml has it: ringgit as strings, days as numbers."""

    price: str
    credit: str = ""
    tax: str = "0.00"
    bonus: str = "0.00"
    valid_days: int
    bonus_days: int = 30
    on_sale_from: str = "2020-01-01"
    on_sale_until: str = ""


class OwnAmountEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts of one's own: limits in ringgit, days for each ringgit."""

    least: str = "1.00"
    most: str = "500.00"
    days_per_ringgit: int = 1
    tax_permille: int = 0


class ValidityEntry(msgspec.Struct, frozen=True, kw_only=True):
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


class RemindersEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Reminders by SMS: days before the last day of each stage, and the local hours for them."""

    before_grace: tuple[int, ...] = (7, 3, 1)
    before_expiry: tuple[int, ...] = (14, 3)
    before_quarantine: tuple[int, ...] = (7,)
    from_hour: int = 10
    until_hour: int = 20


class GuessingEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Lock-outs for wrong codes: [wrong in a row, minutes] steps, and hourly budgets."""

    ladder: tuple[tuple[int, int], ...] = ((5, 15), (10, 30), (15, 60), (20, 1440))
    source_hourly: int = 30
    guests_hourly: int = 2000


class SignInEntry(msgspec.Struct, frozen=True, kw_only=True):
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


class ConsoleEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's console: how long staff stay signed in, and what guards the door.

    ladder: as of recharge codes, for wrong tries at one account. source_wrong_hourly,
    all_wrong_hourly: wrong tries of one source, and of everybody together. session_hours: after
    which one signs in anew; idle_minutes: the same after doing nothing.
    """

    ladder: tuple[tuple[int, int], ...] = ((5, 15), (10, 30), (15, 60), (20, 1440))
    source_wrong_hourly: int = 30
    all_wrong_hourly: int = 500
    session_hours: int = 10
    idle_minutes: int = 30


class RecoveryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Proving who one is without the phone: how often, and what the network tells.

    document_daily: tries a day for one document; source_hourly: for one source; all_hourly: for
    everybody together. number_header: in which the operator's own network passes the number of
    the phone that asks, believed from TAMBAH_TRUSTED_PROXIES alone; empty for none.
    """

    document_daily: int = 3
    source_hourly: int = 10
    all_hourly: int = 500
    number_header: str = ""


class SimsEntry(msgspec.Struct, frozen=True, kw_only=True):
    """SIMs: what numbers of ours begin with, none for any, and what follows a replacement."""

    iccid_prefixes: tuple[str, ...] = ()
    imsi_prefixes: tuple[str, ...] = ()
    hold_hours: int = 24


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """Who the operator is, as pages and messages show it."""

    name: str
    short_name: str = ""
    sms_prefix: str = "RM0.00 "
    hotline: str = ""
    hotline_hours: str = ""
    colour: str = "#0b5d57"


class SocialEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An official account of the operator's elsewhere: the network's name and its address."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=30)]
    url: Annotated[str, msgspec.Meta(pattern=r"^https://[^\s/@\\]+\.[^\s\\]+$")]


class PaymentsEntry(msgspec.Struct, frozen=True, kw_only=True):
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


class PointsEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The map of top-up points. tile_url: of its tiles, with {z}, {x}, {y}; empty draws none."""

    tile_url: str = ""
    tile_attribution: str = ""


class BankEntry(msgspec.Struct, frozen=True, kw_only=True):
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


class TicketsEntry(msgspec.Struct, frozen=True, kw_only=True):
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


class AllowanceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An allowance that a promotion gives, and for how many days.

    unit: `seconds`, `minutes`, `messages`, `bytes`, `MB` or `GB` (1024 MB).
    """

    amount: int
    unit: str
    days: int


class PromotionEntry(msgspec.Struct, frozen=True, kw_only=True):
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


class GatewayEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A door to telephones: what carries messages and calls to us and from us.

    name: for ever, of small letters, digits and dashes; its secret is in the environment
    (`secret_variable`), never here. kind: one of GATEWAY_KINDS. trusted: the numbers that it says
    callers and senders have are believed. allow: addresses or networks that may connect; empty:
    loopback for `agi`, whoever has the secret for the others.

    What each kind wants of the rest is in docs/reference/configuration.md. receipts_id: how the
    ids of an SMSC's receipts are written against those of its answers: `same`,
    `hex_to_decimal` (answers in hexadecimal, receipts in decimal) or `decimal_to_hex`.
    per_second: messages submitted; 0 for no limit of ours. fields: names that an aggregator wants
    for `to`, `from`, `text`, `ref`, and what else it wants to read. inbound: names that it tells
    us things by.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    kind: str
    trusted: bool = False
    allow: tuple[str, ...] = ()
    # smpp
    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 2775
    tls: bool = False
    system_id: Annotated[str, msgspec.Meta(max_length=15)] = ""
    system_type: Annotated[str, msgspec.Meta(max_length=12)] = ""
    source: Annotated[str, msgspec.Meta(max_length=20)] = ""
    source_ton: Annotated[int, msgspec.Meta(ge=0, le=6)] = 5
    source_npi: Annotated[int, msgspec.Meta(ge=0, le=18)] = 0
    window: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    per_second: Annotated[int, msgspec.Meta(ge=0)] = 0
    enquire_seconds: Annotated[int, msgspec.Meta(ge=1)] = 30
    receipts_id: str = "same"
    # sms_http
    url: str = ""
    send_as: str = "form"
    secret_as: str = "bearer"  # noqa: S105 - how it goes along
    user: str = ""
    fields: dict[str, str] = {}
    more: dict[str, str] = {}
    answer_id: str = "id"
    proof: str = "bearer"
    proof_header: str = "authorization"
    inbound: dict[str, str] = {}
    # agi
    listen: str = ""
    person: str = ""
    recordings_at: str = ""
    drafts_at: str = ""
    # ussd
    service_code: str = ""
    cumulative: bool = True
    asks_by: str = "post"


GATEWAY_KINDS = ("smpp", "sms_http", "agi", "twiml", "ussd")
SMS_GATEWAYS = ("smpp", "sms_http")
_MOST_SMPP_PASSWORD = 8
_GATEWAY_WANTS: Mapping[str, tuple[str, ...]] = {
    "smpp": ("host", "system_id"),
    "agi": ("listen",),
    "ussd": ("service_code",),
}
_GATEWAY_CHOICES: Mapping[str, tuple[str | int, ...]] = {
    "kind": GATEWAY_KINDS,
    "source_npi": (0, 1, 3, 4, 6, 8, 9, 10, 14, 18),
    "receipts_id": ("same", "hex_to_decimal", "decimal_to_hex"),
    "send_as": ("form", "json"),
    "secret_as": ("bearer", "basic", "field"),
    "proof": ("bearer", "header", "hmac"),
    "asks_by": ("post", "get"),
}


def secret_variable(gateway: str) -> str:
    """Return the variable that holds a gateway's secret; it has a twin ending in _FILE."""
    return f"TAMBAH_GATEWAY_{gateway.upper().replace('-', '_')}_SECRET"


def read_gateway_secrets(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return every gateway's secret by its variable, see `secret_variable`. Raises ConfigError."""
    found = (re.fullmatch(r"(TAMBAH_GATEWAY_\w+_SECRET)(_FILE)?", name) for name in environ)
    variables = sorted({match[1] for match in found if match})
    return {name: _read_variable(name, environ) or "" for name in variables}


def gateway_secret(entry: GatewayEntry, secrets: Mapping[str, str]) -> str:
    """Return a gateway's secret out of what `read_gateway_secrets` found, empty without one."""
    return secrets.get(secret_variable(entry.name), "")


def check_gateways(entries: Sequence[GatewayEntry], secrets: Mapping[str, str]) -> None:
    """Refuse gateways that cannot be used, or that anybody could use. Raises ConfigError."""
    variables = Counter(secret_variable(entry.name) for entry in entries)
    for entry in entries:
        wrong = next(_faults_of(entry), "")
        if not wrong and variables[secret_variable(entry.name)] > 1:
            wrong = "there are two of that name; secrets and receipts go by the name"
        if not wrong and _needs_secret(entry) and not gateway_secret(entry, secrets):
            variable = secret_variable(entry.name)
            wrong = f"set {variable}_FILE (or {variable}) to its secret"
        if not wrong and entry.kind == "smpp":
            wrong = _fault_of_password(gateway_secret(entry, secrets))
        if wrong:
            raise ConfigError(f"gateway {entry.name}: {wrong}")


def _fault_of_password(secret: str) -> str:
    fits = secret.isascii() and len(secret) <= _MOST_SMPP_PASSWORD
    return "" if fits else f"SMPP has room for a password of {_MOST_SMPP_PASSWORD} letters"


def _needs_secret(entry: GatewayEntry) -> bool:
    """Say whether a gateway must have a secret. USSD gateways that have none are held by allow."""
    return entry.kind != "agi" and not (entry.kind == "ussd" and entry.allow)


def _faults_of(entry: GatewayEntry) -> Iterator[str]:
    """Return what is wrong with a gateway, whatever the others and its secret are."""
    for field, choices in _GATEWAY_CHOICES.items():
        chosen: str | int = getattr(entry, field)
        if chosen not in choices:
            yield f"{field} {chosen!r} is none of {', '.join(map(str, choices))}"
    for field in _GATEWAY_WANTS.get(entry.kind, ()):
        if not getattr(entry, field):
            yield f"{field} is missing"
    for network in entry.allow:
        try:
            ip_network(network, strict=False)
        except ValueError:
            yield f"allow: {network!r} is no address and no network"
    if entry.url and not _is_safe_url(entry.url):
        yield "url must begin with https://; plain http:// is for this machine alone"


def _is_safe_url(url: str) -> bool:
    parts = urlsplit(url)
    at_home = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and at_home)
    )


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of operator.toml."""

    brand: Brand
    denominations: tuple[DenominationEntry, ...]
    own_amount: OwnAmountEntry = OwnAmountEntry()
    validity: ValidityEntry = ValidityEntry()
    reminders: RemindersEntry = RemindersEntry()
    guessing: GuessingEntry = GuessingEntry()
    payments: PaymentsEntry = PaymentsEntry()
    sign_in: SignInEntry = SignInEntry()
    recovery: RecoveryEntry = RecoveryEntry()
    points: PointsEntry = PointsEntry()
    sims: SimsEntry = SimsEntry()
    tickets: TicketsEntry = TicketsEntry()
    console: ConsoleEntry = ConsoleEntry()
    promotions: tuple[PromotionEntry, ...] = ()
    gateways: tuple[GatewayEntry, ...] = ()
    bank: BankEntry | None = None
    social: tuple[SocialEntry, ...] = ()
    time_zone: str = "Asia/Kuala_Lumpur"
    country_code: str = "60"
    trunk_prefix: str = "0"
    mobile_prefixes: tuple[str, ...] = ("1",)
    national_lengths: tuple[int, ...] = (9, 10)
    most_credit: str = "5000.00"
    plans: tuple[str, ...] = ("standard",)


def read_promotions(path: Path) -> tuple[PromotionEntry, ...]:
    """Read the promotions of a file; whatever else it holds is left alone. Raises ConfigError."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(content.get("promotions", []), tuple[PromotionEntry, ...])
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def read_operator(path: Path) -> Operator:
    """Read operator.toml. Raises ConfigError naming the entry that is wrong."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(content, Operator)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error
