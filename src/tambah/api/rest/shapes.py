"""The bodies of API v1. The OpenAPI document is made of these, so the two cannot drift."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_AMOUNT = Meta(
    description="Decimal string; at least two places.",
    pattern=r"^-?[0-9]+\.[0-9]{2,6}$",
    examples=["10.00"],
)
Amount = Annotated[str, _AMOUNT]
Currency = Literal["MYR"]
AllowanceUnit = Literal["seconds", "messages", "bytes"]
StateName = Literal["pre_active", "active", "grace", "expired", "quarantined", "terminated"]
Msisdn = Annotated[
    str, Meta(description="E.164 digits, without the plus sign.", pattern="^[1-9][0-9]{6,14}$")
]
Until = Annotated[
    datetime, Meta(description="First instant at which it no longer holds (RFC 3339, UTC).")
]
LastDay = Annotated[
    date, Meta(description="Last local day on which it holds: the date to tell people.")
]


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """An amount with its currency."""

    amount: Amount
    currency: Currency


class Bonus(msgspec.Struct, frozen=True, kw_only=True):
    """Bonus credit with one end."""

    amount: Amount
    currency: Currency
    expires_at: Until | None
    expires_date: LastDay | None


class BonusBalance(msgspec.Struct, frozen=True, kw_only=True):
    """All bonus credit that can be spent now, and what it is made of, soonest to expire first."""

    amount: Amount
    currency: Currency
    buckets: list[Bonus]


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of an allowance with one end: no money, so without a currency."""

    unit: AllowanceUnit
    amount: Annotated[int, Meta(description="Seconds, messages or bytes.")]
    expires_at: Until | None
    expires_date: LastDay | None


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """What a line holds. Main credit is frozen in grace; an expired line holds nothing."""

    main: Money
    bonus: BonusBalance
    allowances: Annotated[list[Allowance], Meta(description="The soonest to expire first.")]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it stands now."""

    msisdn: Msisdn
    state: StateName
    barred: bool
    suspended: bool
    language: Literal["en", "ms", "zh-Hans", "ta"]
    plan: str
    active_until: Until | None
    active_until_date: LastDay | None
    grace_until: Until | None
    grace_until_date: LastDay | None
    balances: Balances
    at: Annotated[datetime, Meta(description="The instant for which this is true.")]


class RedemptionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A recharge code to turn into credit."""

    code: Annotated[
        str,
        Meta(
            description="As printed or keyed; spaces, dashes, case and letters are all read.",
            extra_json_schema={"examples": ["1234 5678 9012 3456"]},
        ),
    ]


class TopUpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An amount to reload from the partner's float."""

    amount: Annotated[
        str,
        Meta(
            description="Decimal string in whole sen; a JSON number is refused.",
            extra_json_schema={
                "pattern": r"^[0-9]{1,12}(\.[0-9]{1,2}0{0,16})?$",
                "examples": ["10.00"],
            },
        ),
    ]
    currency: Annotated[str, Meta(extra_json_schema={"enum": ["MYR"]})]
    reference: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=64,
            description="Yours, printable; one top-up of a line bears it, for ever.",
            extra_json_schema={"examples": ["till-7/2041"]},
        ),
    ]


class Gift(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a promotion gave with a top-up."""

    promotion: Annotated[str, Meta(description="Its name in operator.toml.")]
    kind: Annotated[
        Literal["days", "bonus", "seconds", "messages", "bytes"],
        Meta(description="Days of validity, bonus credit, or an allowance."),
    ]
    amount: Annotated[
        str,
        Meta(
            description="Ringgit for bonus, a whole number for anything else.",
            pattern=r"^[0-9]+(\.[0-9]{2,6})?$",
            examples=["3.00"],
        ),
    ]
    expires_at: Until | None
    expires_date: LastDay | None


class Credited(msgspec.Struct, frozen=True, kw_only=True):
    """A top-up that happened: what was given, and how the line stands after it."""

    msisdn: Msisdn
    topup_no: Annotated[int, Meta(description="Counts the line's top-ups from 1.")]
    at: Annotated[datetime, Meta(description="When it happened.")]
    price: Amount
    tax: Annotated[Amount, Meta(description="Part of the price that is tax.")]
    credited: Annotated[Amount, Meta(description="Main credit given.")]
    bonus: Annotated[Amount, Meta(description="Bonus credit given on top, promotions' included.")]
    balance: Annotated[Amount, Meta(description="Main credit afterwards.")]
    bonus_balance: Annotated[Amount, Meta(description="Bonus credit afterwards.")]
    currency: Currency
    active_until: Until
    active_until_date: LastDay
    grace_until: Until
    grace_until_date: LastDay
    receipt: Annotated[str, Meta(description="What people quote: eight letters and digits.")]
    reference: Annotated[
        str, Meta(description="What the transfer bears: yours, or the receipt for a code.")
    ]
    gifts: Annotated[
        list[Gift],
        Meta(description="What promotions gave; in the bonus and the dates above already."),
    ]


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a line's books. Rows are added, never changed."""

    seq: Annotated[int, Meta(description="Place in the line's unbroken sequence from 1.")]
    at: datetime
    kind: Literal[
        "redemption",
        "topup",
        "bonus",
        "tax",
        "funding",
        "opening",
        "adjustment",
        "reversal",
        "forfeit",
        "sale",
        "credit",
        "payment",
        "refund",
        "take_back",
        "fee",
        "dispute",
        "dispute_won",
        "refund_returned",
        "reactivation",
        "grant",
        "lapse",
        "package",
        "usage",
        "usage_refund",
    ]
    amount: Annotated[
        str,
        Meta(
            description="Ringgit, or a whole number of the unit where there is one.",
            pattern=r"^[0-9]+(\.[0-9]{2,6})?$",
            examples=["10.00"],
        ),
    ]
    currency: Annotated[Currency | None, Meta(description="Null for an allowance: no money.")]
    unit: Annotated[AllowanceUnit | None, Meta(description="Of an allowance; null for money.")]
    direction: Annotated[
        Literal["in", "out"] | None,
        Meta(description="Into or out of the line's credit; null when it touched none (tax)."),
    ]
    bucket: Literal["main", "bonus", "seconds", "messages", "bytes"] | None
    balance: Annotated[
        str | None, Meta(description="What that bucket held afterwards, written as the amount.")
    ]
    reference: Annotated[
        str | None, Meta(description="On exactly one row of a top-up: the partner's, or receipt.")
    ]
    topup_no: int | None
    mends_topup_no: Annotated[
        int | None, Meta(description="The top-up that a reversal takes back.")
    ]


class TransferPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of a line's transfers, newest first; next is the cursor of what follows."""

    items: list[Transfer]
    next: str | None


class Voucher(msgspec.Struct, frozen=True, kw_only=True):
    """A card by its serial number; never its code."""

    serial: str
    state: Literal["generated", "active", "redeemed", "locked", "void", "expired"]
    batch: int
    batch_state: Literal["draft", "generated", "released", "closed", "locked", "void"]
    price: Money
    redeem_before: Until | None
    redeemed_at: datetime | None
    redeemed_by: Annotated[
        str | None, Meta(description="The number of the line, masked.", examples=["012-••• 6789"])
    ]


class SaleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a point of sale sends to sell a card."""

    reference: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=64,
            description="Yours, printable; one sale of yours bears it, for ever.",
            extra_json_schema={"examples": ["till-7/2042"]},
        ),
    ]
    terminal: Annotated[
        str, Meta(description="Which till or handset, for your own lists.", max_length=64)
    ] = ""


class SoldCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card was sold and can be redeemed from now on."""

    serial: str
    at: datetime
    price: Amount
    commission: Annotated[Amount, Meta(description="What you earned by it.")]
    float: Annotated[Amount, Meta(description="What the float that paid holds afterwards.")]
    currency: Currency
    reference: str


class UndoneSale(msgspec.Struct, frozen=True, kw_only=True):
    """A sale was taken back. serial: of a card, for sale again; msisdn: of a reload."""

    kind: Literal["card", "reload"]
    at: datetime
    price: Amount
    float: Annotated[Amount, Meta(description="What the float that had paid holds afterwards.")]
    currency: Currency
    reference: str
    serial: str | None
    msisdn: Msisdn | None


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """One of your sales. used: the card was redeemed."""

    kind: Literal["card", "reload"]
    state: Literal["sold", "used", "undone"]
    at: datetime
    undone_at: datetime | None
    price: Amount
    commission: Annotated[Amount, Meta(description="What you earned by it, nothing if undone.")]
    currency: Currency
    reference: str | None
    terminal: str | None
    serial: Annotated[str | None, Meta(description="Of a card.")]
    msisdn: Annotated[Msisdn | None, Meta(description="Of a reload.")]
    receipt: Annotated[str | None, Meta(description="Of a reload: what its buyer can quote.")]


class SaleList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of your sales, newest first."""

    items: list[Sale]
    next: Annotated[str | None, Meta(description="The `cursor` of what follows, null at the end.")]


class BandRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate and when it holds: within `hours` of the week (OpenStreetMap's way of writing them),
    in the operator's time zone; the empty one at all other times."""

    hours: str
    now: Annotated[bool, Meta(description="Whether it holds now.")]
    unit: AllowanceUnit
    connection: Annotated[Amount, Meta(description="Once, for using it at all.")]
    price: Annotated[Amount, Meta(description="For each `per` units.")]
    per: int
    first: Annotated[int, Meta(description="The first interval charged, in units.")]
    next: Annotated[int, Meta(description="Every further interval; each begun counts in full.")]
    rounding: Annotated[
        Literal["up", "nearest", "down"],
        Meta(description="Of the whole charge, to a multiple of `round_to`."),
    ]
    round_to: Amount
    costs: Annotated[
        dict[str, Amount], Meta(description="What so many units cost altogether: examples.")
    ]


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a service costs to somewhere, by band where bands differ."""

    destination_class: str
    name: Annotated[str, Meta(description="Of the destination, in English; may be empty.")]
    rates: list[BandRate]


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What everything costs from somewhere to somewhere. What cannot be had is null."""

    to: Annotated[str, Meta(description="The digits that were looked up.")]
    countries: Annotated[list[str], Meta(description="Whose numbers begin so (ISO 3166).")]
    origin: str
    tariff: str
    sheet: int
    at: datetime
    until: Annotated[
        datetime | None, Meta(description="When the next sheet comes into force, if one is known.")
    ]
    currency: Currency
    voice: Price | None
    voice_on_net: Annotated[
        Price | None, Meta(description="To numbers on our own network, where that differs.")
    ]
    sms: Price | None
    sms_on_net: Price | None
    mms: Price | None
    received: Annotated[Price | None, Meta(description="A call received while roaming.")]
    data: Annotated[
        dict[str, Price], Meta(description="By class of application; the empty one is for any.")
    ]


class PackagePart(msgspec.Struct, frozen=True, kw_only=True):
    """An allowance of a package."""

    unit: AllowanceUnit
    amount: Annotated[int, Meta(description="Seconds, messages or bytes.")]
    classes: Annotated[
        list[str], Meta(description="Of destination or application; empty for all.")
    ]


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package on sale."""

    code: str
    names: Annotated[dict[str, str], Meta(description="By language tag.")]
    terms: Annotated[dict[str, str], Meta(description="By language tag; empty for none.")]
    price: Money
    allowances: list[PackagePart]
    days: Annotated[
        int, Meta(description="It ends with the local day so many days on; 0 for the same day.")
    ]
    hours: Annotated[int, Meta(description="Or after so many hours, where this is not 0.")]
    recurring: Annotated[bool, Meta(description="It may be renewed when it ends.")]
    auto_renew: Annotated[bool, Meta(description="It is, unless the buyer says otherwise.")]
    stacking: Literal["extend", "add", "refuse"]


class PackageList(msgspec.Struct, frozen=True, kw_only=True):
    """What is on sale now."""

    items: list[Package]


class PartLeft(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of an allowance of a package."""

    unit: AllowanceUnit
    amount: Annotated[int, Meta(description="What it was: seconds, messages or bytes.")]
    left: int
    classes: list[str]


class RunningPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package that runs on a line, as it was bought."""

    number: Annotated[int, Meta(description="Of the line's packages, from 1.")]
    package: str
    price: Money
    started_at: datetime
    until: Until
    until_date: LastDay
    renews: bool
    receipt: str
    left: list[PartLeft]


class RunningList(msgspec.Struct, frozen=True, kw_only=True):
    """What runs on a line, the soonest to end first."""

    items: list[RunningPackage]


class PurchaseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A package to buy from the line's credit."""

    package: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=16,
            description="Its code.",
            extra_json_schema={"examples": ["DATA30"]},
        ),
    ]
    auto_renew: Annotated[bool | None, Meta(description="Left out: as the package has it.")] = None
    price: Annotated[
        str | None,
        Meta(
            description="What the subscriber was told, in ringgit; another price is refused.",
            extra_json_schema={"examples": ["30.00"]},
        ),
    ] = None


class BoughtPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package that was bought, and the credit that is left."""

    msisdn: Msisdn
    number: int
    package: str
    price: Amount
    balance: Amount
    bonus_balance: Amount
    currency: Currency
    until: Until
    until_date: LastDay
    renews: bool
    receipt: str
