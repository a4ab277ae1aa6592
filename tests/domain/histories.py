"""Random histories of commands: for the rules alone, and for an engine on a real database.

A history is a list of (seconds to let pass, command), to be run from `START` on the store that
`WORLD` describes, under the rules of `history_rules(policy)`. Lines are made by the history's own
ImportLine commands, each with a `line_id` that nothing else uses.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from tambah.domain.balance import BucketKind
from tambah.domain.care_commands import AllowReactivation
from tambah.domain.charging_commands import (
    OF_A_SESSION,
    Ask,
    ChargeEvent,
    CloseSession,
    RefundEvent,
    ReleaseUnits,
    ReserveUnits,
    UpdateUnits,
    session_key,
)
from tambah.domain.charging_rule import ChargingRule
from tambah.domain.commands import (
    AgeLine,
    Command,
    FundPartner,
    ImportLine,
    NewsKind,
    OpenPayment,
    PaymentNews,
    RefundPayment,
    TopUp,
)
from tambah.domain.guessing import Audience, GuessingRule
from tambah.domain.line import LifeRule, LineState
from tambah.domain.package import Package, PackageAllowance, Stacking
from tambah.domain.package_commands import BuyPackage, RefundPackage, SetRenewal
from tambah.domain.payment import PaymentRule, ProviderId
from tambah.domain.promotion import Allowance, Promotion
from tambah.domain.rating import Rate, Rounding, Service
from tambah.domain.rules import Rules
from tambah.domain.state import TopUpSource
from tambah.domain.tariff import TariffBook, TariffRow, Usage, build_sheet
from tambah.domain.validity import ValidityPolicy

from .world import (
    ALICE,
    ALWAYS,
    BOB,
    CAPPED,
    CAROL,
    RM,
    SHOP,
    STAFF,
    STOPPED,
    UNKNOWN_CODE,
    WORLD,
    activate,
    adjust,
    bar,
    day,
    fund,
    import_line,
    move,
    redeem,
    reverse,
    rules_for,
    top_up,
)

DAY = 86_400
HISTORY_CAP_DAYS = 60
LINES = (ALICE, BOB)
NUMBERS = (ALICE,) * 6 + (BOB,) * 3 + (CAROL,)
SOURCES = (b"", b"address")
FIRST_LINE_ID = 1001
KEY = "?"


PROMOTIONS = (
    Promotion(name="first", since=ALWAYS, extra_permille=100, bonus_days=7, first_topup=True),
    Promotion(name="odd", since=day(2), until=day(15), extra_permille=33, bonus_days=7),
    Promotion(
        name="data",
        since=ALWAYS,
        group="data",
        allowances=(
            Allowance(kind=BucketKind.BYTES, amount=2**30, days=7),
            Allowance(kind=BucketKind.SECONDS, amount=600, days=10),
        ),
        denominations=(20 * RM, 30 * RM),
    ),
    Promotion(
        name="more data",
        since=day(1),
        group="data",
        allowances=(Allowance(kind=BucketKind.BYTES, amount=2**31, days=3),),
        least_micros=20 * RM,
        sources=(TopUpSource.PAYMENT, TopUpSource.VOUCHER),
    ),
    Promotion(
        name="back again",
        since=ALWAYS,
        group="grace",
        bonus_micros=RM,
        bonus_days=7,
        extra_days=3,
        allowances=(Allowance(kind=BucketKind.MESSAGES, amount=20, days=0),),
        states=(LineState.GRACE,),
    ),
    Promotion(
        name="cards",
        since=ALWAYS,
        group="cards",
        allowances=(Allowance(kind=BucketKind.BYTES, amount=5, days=7),),
        sources=(TopUpSource.VOUCHER,),
    ),
)
"""Of every kind, at times overlapping, some into the same bucket."""


def _tariff_row(service: Service, pattern: str, rate: Rate, hours: str = "") -> TariffRow:
    return TariffRow(
        service=service,
        origin="home",
        pattern=pattern,
        on_net=False,
        hours=hours,
        destination_class="abroad" if pattern == "86" else "domestic",
        name="",
        rate=rate,
    )


_VOICE, _SMS, _DATA = Service.VOICE, Service.SMS, Service.DATA
_CHEAP = Rate(price_micros=700_000, per_units=60, first_units=30, next_units=15)
_DEAR = Rate(
    price_micros=1_990_000,
    per_units=60,
    connection_micros=150_000,
    first_units=60,
    next_units=7,
    rounding=Rounding.NEAREST,
    round_to_micros=10_000,
)
TARIFFS = TariffBook(
    sheets={
        "standard": (
            build_sheet(
                1,
                ALWAYS,
                (
                    _tariff_row(_VOICE, "60", _CHEAP),
                    _tariff_row(_VOICE, "60", _DEAR, "Mo-Fr 08:00-18:00"),
                    _tariff_row(_VOICE, "86", _DEAR),
                    _tariff_row(_SMS, "60", Rate(price_micros=150_000)),
                    _tariff_row(_DATA, "", Rate(price_micros=30_000, per_units=2**20)),
                ),
            ),
            build_sheet(2, day(6), (_tariff_row(_VOICE, "60", _DEAR),)),
        )
    }
)
"""With hours, with a sheet that follows, with destinations that have no rate."""

NAMES = {tag: "Demo" for tag in ("en", "ms", "zh-Hans", "ta")}
PACKAGES = (
    Package(
        code="WEEK",
        names=NAMES,
        terms={},
        price_micros=6 * RM,
        allowances=(
            PackageAllowance(kind=BucketKind.BYTES, amount=2**30, scope="social"),
            PackageAllowance(kind=BucketKind.SECONDS, amount=3600),
        ),
        days=7,
        recurring=True,
        auto_renew=True,
        stacking=Stacking.EXTEND,
        on_sale_from=ALWAYS,
    ),
    Package(
        code="HOUR",
        names=NAMES,
        terms={},
        price_micros=RM,
        allowances=(PackageAllowance(kind=BucketKind.BYTES, amount=2**20),),
        hours=24,
        recurring=True,
        main_only=True,
        on_sale_from=ALWAYS,
        on_sale_until=day(25),
    ),
    Package(
        code="TODAY",
        names=NAMES,
        terms={},
        price_micros=2 * RM,
        allowances=(PackageAllowance(kind=BucketKind.MESSAGES, amount=30),),
        stacking=Stacking.REFUSE,
        on_sale_from=day(1),
        forbids=("HOUR",),
    ),
)
"""Of every stacking rule and length; one is bought from bonus too, and soon renewed."""


def history_rules(policy: ValidityPolicy) -> Rules:
    """Return rules whose limits are near, so that short histories meet them.

    Guests are never paused: an engine counts them with a second's delay.
    """
    rules = rules_for(
        policy,
        cap_days=HISTORY_CAP_DAYS,
        life=LifeRule(
            grace_days=20,
            reactivation_days=10,
            quarantine_days=30,
            reactivation_fee_micros=6 * RM,
        ),
        guessing=GuessingRule(
            ladder=((2, 15), (3, 60), (4, 1440)), source_hourly=3, guests_hourly=10**6
        ),
        most=200,
    )
    limits = PaymentRule(
        line_daily_micros=90 * RM, line_daily_count=3, fees=(("card", RM), ("bank", 0))
    )
    charging = ChargingRule(
        sizes={Service.VOICE: 300, Service.SMS: 3, Service.MMS: 1, Service.DATA: 2**30},
        booking_seconds=3600,
    )
    return replace(
        rules,
        payments=limits,
        promotions=PROMOTIONS,
        packages=PACKAGES,
        tariffs=TARIFFS,
        charging=charging,
    )


def advances() -> st.SearchStrategy[int]:
    """Return seconds to pass: often none, often exactly to a midnight or just before one."""
    return st.sampled_from(
        [0] * 16
        + [1, 60, 899, 900, 3599, 3600] * 2
        + [DAY] * 6
        + [DAY - 1, 2 * DAY, 5 * DAY, 7 * DAY, 10 * DAY, 10 * DAY - 1, 20 * DAY, 31 * DAY]
    )


_ADVANCES = advances()


def amounts() -> st.SearchStrategy[float]:
    """Return amounts in ringgit: denominations, amounts of one's own, and some out of range."""
    return st.sampled_from([20, 20, 20, 20, 5, 10, 30, 50, 7, 1.05, 0.5, 600])


_NUMBERS = st.sampled_from(NUMBERS)
_PARTNERS = st.sampled_from([SHOP] * 6 + [CAPPED] * 4 + [STOPPED, 999])
_CODES = st.sampled_from([*WORLD.cards, UNKNOWN_CODE, UNKNOWN_CODE, UNKNOWN_CODE])
_MAYBE = st.sampled_from([False, False, None, None, True])
_TOPUPS = st.builds(
    top_up,
    st.just(KEY),
    amounts(),
    _NUMBERS,
    partner_id=_PARTNERS,
    reference=st.sampled_from([KEY, KEY, KEY, "till 1", ""]),
)
_REDEMPTIONS = st.builds(
    redeem,
    st.just(KEY),
    _CODES,
    _NUMBERS,
    audience=st.sampled_from(Audience),
    source=st.sampled_from(SOURCES),
)
_REVERSALS = st.builds(reverse, st.just(KEY), st.sampled_from([1, 1, 1, 2, 2, 3]), _NUMBERS)
_MOVES = st.builds(
    move,
    st.just(KEY),
    st.sampled_from([1, 1, 1, 2, 2, 3]),
    _NUMBERS,
    st.sampled_from([BOB, ALICE]),
)
_ADJUSTMENTS = st.builds(
    adjust, st.just(KEY), st.sampled_from([-25, -10, -3.5, -1, -1, -1, 2, 0, 250]), _NUMBERS
)
_IMPORTS = st.builds(
    import_line,
    st.just(0),
    _NUMBERS,
    until=st.sampled_from([day(10)] * 8 + [day(30), day(30), day(30.25), day(-5), day(-90), None]),
    opening=st.sampled_from([0, 0, 25]),
    digest=st.sampled_from([b"row a", b"row b"]),
)
_OPENINGS = st.builds(
    OpenPayment,
    caller=st.just("web"),
    request_key=st.just(KEY),
    msisdn=_NUMBERS,
    amount_micros=amounts().map(lambda ringgit: round(ringgit * RM)),
    provider=st.sampled_from([ProviderId.SANDBOX, ProviderId.BANK]),
    method=st.sampled_from(["card", "bank"]),
)
_LINE_IDS = st.sampled_from([FIRST_LINE_ID] * 6 + [FIRST_LINE_ID + 1] * 3 + [FIRST_LINE_ID + 9])
_PAYMENT_NOS = st.sampled_from([1, 1, 1, 2, 2, 3])
_NEWS = st.builds(
    PaymentNews,
    line_id=_LINE_IDS,
    payment_no=_PAYMENT_NOS,
    kind=st.sampled_from([*NewsKind] + [NewsKind.PAID] * 11 + [NewsKind.REFUNDED] * 2),
    amount_micros=st.sampled_from([21, 21, 21, 21, 20, 6, 5, 11, 10]).map(lambda rm: rm * RM),
    provider_ref=st.sampled_from([None, "p1", "p2"]),
    refund_no=st.sampled_from([None, None, 1, 1, 2]),
    refund_ref=st.sampled_from([None, "r1", "r2"]),
    dispute_ref=st.sampled_from([None, "d1", "d2"]),
)
_REFUNDS = st.builds(
    RefundPayment,
    caller=st.just("cli"),
    request_key=st.just(KEY),
    line_id=_LINE_IDS,
    payment_no=_PAYMENT_NOS,
    amount_micros=st.sampled_from([None, None, 21 * RM, 20 * RM, 5 * RM, 7 * RM, 1]),
    forgive_spent=st.booleans(),
    actor=st.just(STAFF),
)
_REACTIVATIONS = st.builds(
    AllowReactivation,
    caller=st.just("cli"),
    request_key=st.just(KEY),
    line_id=_LINE_IDS,
    actor=st.sampled_from([STAFF, None]),
)
_USAGES = st.sampled_from(
    [
        Usage(service=_VOICE, to="60388881234"),
        Usage(service=_VOICE, to="86755123"),
        Usage(service=_VOICE, to="1212"),
        Usage(service=_SMS, to="60123456780"),
        Usage(service=_DATA),
    ]
)
_ASKS = st.lists(
    st.builds(
        Ask,
        rating_group=st.integers(1, 2),
        usage=_USAGES,
        wanted=st.sampled_from([None, None, 0, 1, 60, 2**20, 2**40]),
        used=st.sampled_from([0, 0, 1, 59, 61, 300, 2**21, 2**31]),
        more=st.sampled_from([True, True, True, False]),
    ),
    max_size=2,
    unique_by=lambda ask: ask.rating_group,
).map(tuple)
_SESSION_IDS = ("call 1", "call 2")
_PEERS = st.just("switch")
_IN_A_SESSION = {
    "peer": _PEERS,
    "session_id": st.sampled_from(_SESSION_IDS),
    "request_no": st.sampled_from([0, 0, 1, 1, 2, 2, 3, 4]),
    "msisdn": _NUMBERS,
    "asks": _ASKS,
}
_RESERVES = st.builds(ReserveUnits, **_IN_A_SESSION)
_UPDATES = st.builds(UpdateUnits, **_IN_A_SESSION)
_RELEASES = st.builds(ReleaseUnits, **_IN_A_SESSION)
_EVENTS = st.builds(
    ChargeEvent, **_IN_A_SESSION | {"session_id": st.sampled_from(["sms 1", "sms 2", "call 1"])}
)
_REFUNDS_OF_EVENTS = st.builds(
    RefundEvent,
    **_IN_A_SESSION | {"session_id": st.sampled_from(["sms 1", "sms 2", "back"])},
    of_session_id=st.sampled_from(["", "sms 1", "call 1"]),
)
_CLOSES = st.builds(
    CloseSession,
    line_id=_LINE_IDS,
    session=st.sampled_from([session_key("switch", one) for one in _SESSION_IDS]),
)
_PURCHASES = st.builds(
    BuyPackage,
    caller=st.just("portal"),
    request_key=st.just(KEY),
    msisdn=_NUMBERS,
    package=st.sampled_from(["WEEK", "WEEK", "HOUR", "HOUR", "TODAY", "NONE"]),
    auto_renew=st.sampled_from([None, None, True, False]),
)
_RENEWALS = st.builds(
    SetRenewal,
    caller=st.just("portal"),
    request_key=st.just(KEY),
    msisdn=_NUMBERS,
    number=st.sampled_from([1, 1, 2, 3]),
    renews=st.booleans(),
)
_PACKAGE_REFUNDS = st.builds(
    RefundPackage,
    caller=st.just("console"),
    request_key=st.just(KEY),
    msisdn=_NUMBERS,
    number=st.sampled_from([1, 1, 2, 2, 3]),
    actor=st.just(STAFF),
)
_WEIGHTS: list[tuple[int, st.SearchStrategy[Command]]] = [
    (9, _TOPUPS),
    (5, _REDEMPTIONS),
    (4, _REVERSALS),
    (4, _MOVES),
    (3, _ADJUSTMENTS),
    (1, st.builds(fund, st.just(KEY), st.sampled_from([100, 500, 0]), _PARTNERS)),
    (1, st.builds(AgeLine, msisdn=_NUMBERS)),
    (1, st.builds(activate, st.just(KEY), st.integers(0, 9), _NUMBERS)),
    (1, st.builds(bar, st.just(KEY), _NUMBERS, barred=_MAYBE, suspended=_MAYBE)),
    (1, _IMPORTS),
    (6, _OPENINGS),
    (12, _PURCHASES),
    (2, _RENEWALS),
    (3, _PACKAGE_REFUNDS),
    (9, _NEWS),
    (3, _REFUNDS),
    (2, _REACTIVATIONS),
    (6, _RESERVES),
    (6, _UPDATES),
    (3, _RELEASES),
    (3, _EVENTS),
    (2, _REFUNDS_OF_EVENTS),
    (2, _CLOSES),
]
# Not one_of: it would take each only once, whatever its weight.
COMMANDS: st.SearchStrategy[Command] = st.sampled_from(
    [strategy for weight, strategy in _WEIGHTS for _ in range(weight)]
).flatmap(lambda strategy: strategy)
"""Any command, still under the key `KEY`."""


def keyed(command: Command, key: str, serial: int) -> Command:
    """Return a drawn command under a key of its own; `serial` numbers the lines it may make."""
    if isinstance(command, (AgeLine, PaymentNews, CloseSession, *OF_A_SESSION)):
        return command
    if isinstance(command, ImportLine):
        return replace(command, line_id=FIRST_LINE_ID + serial)
    if isinstance(command, TopUp | FundPartner) and command.reference == KEY:
        return replace(command, request_key=key, reference=key)
    return replace(command, request_key=key)


@st.composite
def histories(draw: st.DrawFn, most: int = 25) -> list[tuple[int, Command]]:
    """Return a history: lines and a funded partner first, then anything, repeats included."""
    history: list[tuple[int, Command]] = []
    for serial, msisdn in enumerate(LINES):
        command = replace(draw(_IMPORTS), msisdn=msisdn, line_id=FIRST_LINE_ID + serial)
        history.append((0, command))
    history.append((0, fund("first", 500)))
    drawn = draw(
        st.lists(st.tuples(_ADVANCES, st.integers(0, 11), COMMANDS), min_size=6, max_size=most - 3)
    )
    for serial, (seconds, choice, command) in enumerate(drawn, len(history)):
        if choice == 11:
            # A request again, as callers do who got no answer.
            again = history[serial // 2][1]
            history.append((seconds, again))
        else:
            # Sometimes under a key that was used for other content.
            key = "first" if choice == 10 else f"key {serial}"
            history.append((seconds, keyed(command, key, serial)))
    return history
