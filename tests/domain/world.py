"""A small operator for the tests of the rules: its catalog, partners, cards and commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tambah.domain.actor import Actor
from tambah.domain.balance import FLOAT_BUCKET_ID, Bucket, BucketKind
from tambah.domain.care_commands import MoveTopUp
from tambah.domain.catalog import Catalog, Denomination, OwnAmount
from tambah.domain.commands import (
    ActivateLine,
    AdjustCredit,
    BarLine,
    FundPartner,
    ImportLine,
    RedeemVoucher,
    ReverseTopUp,
    TopUp,
)
from tambah.domain.dealer import Dealer
from tambah.domain.guessing import Audience, GuessingRule
from tambah.domain.line import Language, LifeRule
from tambah.domain.rules import Rules
from tambah.domain.state import PartnerAccount
from tambah.domain.validity import ValidityPolicy, ValidityRule
from tambah.domain.voucher import Batch, BatchState, Voucher, VoucherState, check_digit

RM = 1_000_000
SEN = 10_000
KUALA_LUMPUR = ZoneInfo("Asia/Kuala_Lumpur")
START = datetime(2025, 12, 31, 16, tzinfo=UTC)
"""A local midnight: 1 January 2026 begins in Kuala Lumpur. Whole days later are midnights too."""
ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)

ALICE, BOB, CAROL = 60123456789, 60112345678, 60198765432
"""Numbers of lines."""
SHOP, CAPPED, STOPPED = 901, 902, 903
"""Partners: one that may all, one with limits, a suspended one."""
STAFF = Actor(who="aminah", why="Ticket 7")


def day(number: float) -> datetime:
    """Return START plus so many days."""
    return START + timedelta(days=number)


TEN_DAYS_ON = day(10)


def denomination(
    price: float,
    *,
    tax: float = 0,
    bonus: float = 0,
    days: int | None = None,
    bonus_days: int = 30,
    since: datetime = ALWAYS,
    until: datetime | None = None,
) -> Denomination:
    """Return a denomination, in ringgit; a day for each ringgit unless told."""
    return Denomination(
        price_micros=round(price * 100) * SEN,
        tax_micros=round(tax * 100) * SEN,
        credit_micros=round((price - tax) * 100) * SEN,
        bonus_micros=round(bonus * 100) * SEN,
        valid_days=int(price) if days is None else days,
        bonus_days=bonus_days,
        on_sale_from=since,
        on_sale_until=until,
    )


CATALOG = Catalog(
    denominations=(
        denomination(50, bonus=5, days=60),
        denomination(5),
        denomination(10),
        denomination(20, tax=1.13),
        denomination(30, bonus=2),
    ),
    own_amount=OwnAmount(least_micros=RM, most_micros=500 * RM),
)


def rules_for(
    policy: ValidityPolicy = ValidityPolicy.ADD,
    *,
    cap_days: int = 365,
    zone: ZoneInfo = KUALA_LUMPUR,
    catalog: Catalog = CATALOG,
    life: LifeRule | None = None,
    guessing: GuessingRule | None = None,
    most: int = 5000,
) -> Rules:
    """Return rules; `most` is the most credit of a line, in ringgit."""
    return Rules(
        catalog=catalog,
        validity=ValidityRule(policy=policy, zone=zone, cap_days=cap_days),
        life=life or LifeRule(),
        guessing=guessing or GuessingRule(),
        most_credit_micros=most * RM,
    )


def code(number: int) -> str:
    """Return the recharge code of that number, with its check digit."""
    digits = f"{number:015d}"
    return digits + check_digit(digits)


@dataclass(frozen=True)
class World:
    """What stands in the store before a history: partners with empty floats, and cards.

    cards: by code. Lines come by ImportLine, floats by FundPartner.
    """

    partners: tuple[PartnerAccount, ...]
    cards: dict[str, Voucher]
    dealers: tuple[Dealer, ...] = ()


def partner(
    partner_id: int,
    *,
    suspended: bool = False,
    credit_limit: int = 0,
    least: int = 1,
    most: int = 500,
    daily_cap: int | None = None,
) -> PartnerAccount:
    """Return a partner with an empty float; amounts in ringgit."""
    return PartnerAccount(
        partner_id=partner_id,
        name=f"Partner {partner_id}",
        suspended=suspended,
        credit_limit_micros=credit_limit * RM,
        least_micros=least * RM,
        most_micros=most * RM,
        daily_cap_micros=None if daily_cap is None else daily_cap * RM,
        sold_on=None,
        sold_micros=0,
        transfer_seq=0,
        float_bucket=Bucket(
            owner_id=partner_id,
            bucket_id=FLOAT_BUCKET_ID,
            kind=BucketKind.FLOAT,
            remaining_micros=0,
        ),
    )


def batch(
    batch_id: int,
    price: int,
    *,
    state: BatchState = BatchState.RELEASED,
    tax: int = 0,
    bonus: int = 0,
    redeem_before: datetime | None = None,
) -> Batch:
    """Return a batch of cards, in ringgit; a day for each ringgit, bonus for a week."""
    return Batch(
        batch_id=batch_id,
        state=state,
        key_id=1,
        price_micros=price * RM,
        tax_micros=tax * RM,
        credit_micros=(price - tax) * RM,
        bonus_micros=bonus * RM,
        valid_days=price,
        bonus_days=7,
        redeem_before=redeem_before,
    )


def card(
    of: Batch,
    number: int,
    state: VoucherState = VoucherState.ACTIVE,
    *,
    was_activated: bool | None = None,
) -> Voucher:
    """Return a card of a batch, activated unless it is still as generated."""
    activated = state is not VoucherState.GENERATED if was_activated is None else was_activated
    return Voucher(
        digest=f"{of.batch_id}-{number}".encode(),
        batch=of,
        number=number,
        state=state,
        was_activated=activated,
    )


RM10, RM30, DATED = batch(1, 10), batch(2, 30, tax=2, bonus=3), batch(3, 5, redeem_before=day(20))
LOCKED = batch(4, 5, state=BatchState.LOCKED)
UNRELEASED = batch(5, 50, state=BatchState.GENERATED)

WORLD = World(
    partners=(
        partner(SHOP),
        partner(CAPPED, credit_limit=20, least=5, most=50, daily_cap=60),
        partner(STOPPED, suspended=True),
    ),
    cards={
        code(101): card(RM10, 1),
        code(102): card(RM10, 2),
        code(103): card(RM10, 3),
        code(104): card(RM10, 4),
        code(105): card(RM10, 5, VoucherState.GENERATED),
        code(106): card(RM10, 6, VoucherState.VOID),
        code(107): card(RM10, 7, VoucherState.LOCKED),
        code(201): card(RM30, 1),
        code(202): card(RM30, 2),
        code(203): card(RM30, 3),
        code(301): card(DATED, 1),
        code(302): card(DATED, 2),
        code(401): card(LOCKED, 1),
        code(501): card(UNRELEASED, 1),
    },
)
UNKNOWN_CODE = code(999)


# Commands, with the fields that a test does not care about filled in


def import_line(
    line_id: int = 11,
    msisdn: int = ALICE,
    *,
    until: datetime | None = TEN_DAYS_ON,
    opening: int = 0,
    digest: bytes = b"row",
    **fields: object,
) -> ImportLine:
    """Bring an active line along, ten days left; opening credit in ringgit."""
    return ImportLine(
        line_id=line_id,
        msisdn=msisdn,
        digest=digest,
        language=Language.MS,
        plan="standard",
        active_until=until,
        opening_micros=opening * RM,
        **fields,  # type: ignore[arg-type]
    )


def top_up(
    key: str,
    amount: float = 10,
    msisdn: int = ALICE,
    *,
    partner_id: int = SHOP,
    reference: str | None = None,
) -> TopUp:
    """Reload a line, in ringgit; the reference is the key unless told."""
    return TopUp(
        caller=f"partner {partner_id}",
        request_key=key,
        msisdn=msisdn,
        partner_id=partner_id,
        amount_micros=round(amount * 100) * SEN,
        reference=key if reference is None else reference,
    )


def redeem(
    key: str,
    digits: str,
    msisdn: int = ALICE,
    *,
    audience: Audience = Audience.OWN,
    source: bytes = b"",
) -> RedeemVoucher:
    """Turn a code into credit."""
    return RedeemVoucher(
        caller="portal",
        request_key=key,
        msisdn=msisdn,
        digits=digits,
        audience=audience,
        source=source,
    )


def fund(key: str, amount: float = 1000, partner_id: int = SHOP) -> FundPartner:
    """Add to a partner's float, in ringgit."""
    return FundPartner(
        caller="console",
        request_key=key,
        partner_id=partner_id,
        amount_micros=round(amount * 100) * SEN,
        reference=key,
        actor=STAFF,
    )


def adjust(key: str, amount: float, msisdn: int = ALICE) -> AdjustCredit:
    """Put credit right by hand, in ringgit; below nothing it stands for spending."""
    return AdjustCredit(
        caller="console",
        request_key=key,
        msisdn=msisdn,
        amount_micros=round(amount * 100) * SEN,
        actor=STAFF,
    )


def reverse(key: str, topup_no: int, msisdn: int = ALICE) -> ReverseTopUp:
    """Take a top-up back."""
    return ReverseTopUp(
        caller="console", request_key=key, msisdn=msisdn, topup_no=topup_no, actor=STAFF
    )


def move(key: str, topup_no: int, msisdn: int = ALICE, to_msisdn: int = BOB) -> MoveTopUp:
    """Move a top-up to the number that it was meant for."""
    return MoveTopUp(
        caller="console",
        request_key=key,
        msisdn=msisdn,
        topup_no=topup_no,
        to_msisdn=to_msisdn,
        actor=STAFF,
    )


def activate(key: str, days: int = 5, msisdn: int = ALICE) -> ActivateLine:
    """Start a line's life."""
    return ActivateLine(
        caller="console", request_key=key, msisdn=msisdn, valid_days=days, actor=STAFF
    )


def bar(
    key: str,
    msisdn: int = ALICE,
    *,
    barred: bool | None = None,
    suspended: bool | None = None,
) -> BarLine:
    """Bar or suspend a line, or lift either."""
    return BarLine(
        caller="console",
        request_key=key,
        msisdn=msisdn,
        barred=barred,
        suspended=suspended,
        actor=STAFF,
    )
