"""One example of each operation, of the very types that are sent, so that none can be wrong."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import msgspec

from tambah.api.rest import shapes
from tambah.api.rest import usage_shapes as usage

MSISDN = "60123456789"
SERIAL = "0007-00000042"
REFERENCE = "till-7-2042"
SESSION = "switch-1:2041"
CODE = "4829 1735 0264 8819"
API_KEY = "tk_test_…"
CALLED = "+8675512345678"

_AT = datetime(2027, 3, 1, 6, 30, tzinfo=UTC)
_ACTIVE_UNTIL = datetime(2027, 3, 31, 16, 0, tzinfo=UTC)
_GRACE_UNTIL = datetime(2027, 5, 20, 16, 0, tzinfo=UTC)


def _credited(**differing: object) -> shapes.Credited:
    usual = shapes.Credited(
        msisdn=MSISDN,
        topup_no=3,
        at=_AT,
        price="30.00",
        tax="0.00",
        credited="30.00",
        bonus="3.00",
        balance="34.20",
        bonus_balance="3.00",
        currency="MYR",
        active_until=_ACTIVE_UNTIL,
        active_until_date=date(2027, 3, 31),
        grace_until=_GRACE_UNTIL,
        grace_until_date=date(2027, 5, 20),
        receipt="7Q4KD2MX",
        reference="till-7/2041",
        gifts=[
            shapes.Gift(
                promotion="data-with-30",
                kind="bytes",
                amount="1073741824",
                expires_at=_ACTIVE_UNTIL,
                expires_date=date(2027, 3, 31),
            )
        ],
    )
    return msgspec.structs.replace(usual, **differing)


REQUESTS: Mapping[str, msgspec.Struct] = {
    "topUp": shapes.TopUpRequest(amount="30.00", currency="MYR", reference="till-7/2041"),
    "redeemVoucher": shapes.RedemptionRequest(code=CODE),
    "sellCard": shapes.SaleRequest(reference=REFERENCE, terminal="till 7"),
    "buyPackage": shapes.PurchaseRequest(package="DATA30", auto_renew=False),
    "chargeSession": usage.SessionStep(
        step="update",
        number=2,
        usages=[usage.UsageAsk(rating_group=1, service="voice", to="60198765432", used=240)],
    ),
    "chargeEvent": usage.ChargeRequest(
        usages=[usage.UsageAsk(rating_group=3, service="sms", to="60198765432", wanted=1)]
    ),
    "refundCharge": usage.ChargeRefund(rating_groups=[3]),
}


def _charged(**differing: object) -> usage.SessionAnswer:
    event = usage.SessionAnswer(
        msisdn=MSISDN,
        session=SESSION,
        number=1,
        grants=[
            usage.UnitGrant(
                rating_group=3,
                units=1,
                seconds=0,
                threshold=0,
                final=False,
                refused=None,
                price="0.10",
            )
        ],
        credit="34.10",
        charged="0.10",
        currency="MYR",
        again=False,
    )
    return msgspec.structs.replace(event, **differing)


ANSWERS: Mapping[str, msgspec.Struct] = {
    "showLine": shapes.Line(
        msisdn=MSISDN,
        state="active",
        barred=False,
        suspended=False,
        language="ms",
        plan="standard",
        active_until=_ACTIVE_UNTIL,
        active_until_date=date(2027, 3, 31),
        grace_until=_GRACE_UNTIL,
        grace_until_date=date(2027, 5, 20),
        balances=shapes.Balances(
            main=shapes.Money(amount="34.20", currency="MYR"),
            bonus=shapes.BonusBalance(
                amount="3.00",
                currency="MYR",
                buckets=[
                    shapes.Bonus(
                        amount="3.00",
                        currency="MYR",
                        expires_at=_ACTIVE_UNTIL,
                        expires_date=date(2027, 3, 31),
                    )
                ],
            ),
            allowances=[
                shapes.Allowance(
                    unit="bytes",
                    amount=1073741824,
                    expires_at=_ACTIVE_UNTIL,
                    expires_date=date(2027, 3, 31),
                )
            ],
        ),
        at=_AT,
    ),
    "topUp": _credited(),
    "redeemVoucher": _credited(reference="7Q4KD2MX"),
    "listTransfers": shapes.TransferPage(
        items=[
            shapes.Transfer(
                seq=8,
                at=_AT,
                kind="topup",
                amount="30.00",
                currency="MYR",
                unit=None,
                direction="in",
                bucket="main",
                balance="34.20",
                reference="till-7/2041",
                topup_no=3,
                mends_topup_no=None,
            )
        ],
        next="AAAAAAAI",
    ),
    "showRates": shapes.Rates(
        to="8675512345678",
        countries=["CN"],
        origin="home",
        tariff="standard",
        sheet=3,
        at=_AT,
        until=None,
        currency="MYR",
        voice=shapes.Price(
            destination_class="idd-1",
            name="China, Shenzhen",
            rates=[
                shapes.BandRate(
                    hours="",
                    now=True,
                    unit="seconds",
                    connection="0.00",
                    price="0.10",
                    per=60,
                    first=30,
                    next=30,
                    rounding="up",
                    round_to="0.000001",
                    costs={"60": "0.10", "300": "0.50", "600": "1.00"},
                )
            ],
        ),
        voice_on_net=None,
        sms=None,
        sms_on_net=None,
        mms=None,
        received=None,
        data={},
    ),
    "chargeSession": _charged(
        number=2,
        grants=[
            usage.UnitGrant(
                rating_group=1,
                units=300,
                seconds=3600,
                threshold=60,
                final=False,
                refused=None,
                price=None,
            )
        ],
        credit="33.45",
    ),
    "chargeEvent": _charged(),
    "refundCharge": _charged(number=2, credit="34.20"),
    "listUsage": usage.UsagePage(
        items=[
            usage.UsageItem(
                rating_group=1,
                service="voice",
                to="019-••• 5432",
                zone="home",
                destination_class="local",
                began_at=_AT,
                ended_at=_AT,
                units=180,
                covered=0,
                unpaid=0,
                price="0.45",
                refunded="0.00",
                currency="MYR",
            )
        ],
        next=None,
    ),
    "showVoucher": shapes.Voucher(
        serial=SERIAL,
        state="redeemed",
        batch=7,
        batch_state="released",
        price=shapes.Money(amount="30.00", currency="MYR"),
        redeem_before=None,
        redeemed_at=_AT,
        redeemed_by="012-••• 6789",
    ),
    "listPackages": shapes.PackageList(
        items=[
            shapes.Package(
                code="DATA30",
                names={
                    "en": "Data 30 days",
                    "ms": "Data 30 hari",
                    "zh-Hans": "30天数据配套",
                    "ta": "டேட்டா 30 நாட்கள்",
                },
                terms={},
                price=shapes.Money(amount="30.00", currency="MYR"),
                allowances=[shapes.PackagePart(unit="bytes", amount=10737418240, classes=[])],
                days=30,
                hours=0,
                recurring=True,
                auto_renew=True,
                stacking="extend",
            )
        ]
    ),
    "listLinePackages": shapes.RunningList(
        items=[
            shapes.RunningPackage(
                number=1,
                package="DATA30",
                price=shapes.Money(amount="30.00", currency="MYR"),
                started_at=_AT,
                until=_ACTIVE_UNTIL,
                until_date=date(2027, 3, 31),
                renews=False,
                receipt="7Q4KD2MX",
                left=[
                    shapes.PartLeft(unit="bytes", amount=10737418240, left=8589934592, classes=[])
                ],
            )
        ]
    ),
    "buyPackage": shapes.BoughtPackage(
        msisdn=MSISDN,
        number=1,
        package="DATA30",
        price="30.00",
        balance="4.20",
        bonus_balance="0.00",
        currency="MYR",
        until=_ACTIVE_UNTIL,
        until_date=date(2027, 3, 31),
        renews=False,
        receipt="7Q4KD2MX",
    ),
    "sellCard": shapes.SoldCard(
        serial=SERIAL,
        at=_AT,
        price="30.00",
        commission="0.90",
        float="412.70",
        currency="MYR",
        reference=REFERENCE,
    ),
    "undoSale": shapes.UndoneSale(
        kind="card",
        at=_AT,
        price="30.00",
        float="441.80",
        currency="MYR",
        reference=REFERENCE,
        serial=SERIAL,
        msisdn=None,
    ),
    "listSales": shapes.SaleList(
        items=[
            shapes.Sale(
                kind="card",
                state="sold",
                at=_AT,
                undone_at=None,
                price="30.00",
                commission="0.90",
                currency="MYR",
                reference=REFERENCE,
                terminal="till 7",
                serial=SERIAL,
                msisdn=None,
                receipt=None,
            )
        ],
        next=None,
    ),
}
