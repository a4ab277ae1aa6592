"""The bodies of charging by API v1: what switches ask while credit is used."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tambah.api.rest.shapes import Amount, Currency, Msisdn

MOST_UNITS = 2**50
MOST_GROUPS = 100
ServiceName = Literal["voice", "sms", "mms", "data"]
_Units = Annotated[int, Meta(ge=0, le=MOST_UNITS)]
Number = Annotated[
    int,
    Meta(
        ge=0,
        le=2**53 - 1,
        description="Counts the session's requests upwards; the same when you send one again.",
    ),
]
RatingGroup = Annotated[
    int, Meta(ge=0, le=2**32 - 1, description="Tells apart what a session uses; yours.")
]


class UsageAsk(msgspec.Struct, frozen=True, kw_only=True):
    """What is used under one rating group: seconds, messages or bytes."""

    rating_group: RatingGroup
    service: ServiceName
    to: Annotated[
        str,
        Meta(
            pattern=r"^([0-9]{1,15}|received)?$",
            description="Whom it goes to: E.164 digits, a short code, `received` for a call taken"
            " abroad. Empty for data.",
        ),
    ] = ""
    network: Annotated[
        str,
        Meta(
            pattern=r"^([0-9]{3}|[0-9]{5,6})?$",
            description="Where the line is, as country and network code (MCC-MNC); empty at home.",
        ),
    ] = ""
    wanted: Annotated[
        _Units | None, Meta(description="Units; null for as many as we see fit.")
    ] = None
    used: Annotated[_Units, Meta(description="Units since the last report.")] = 0
    more: Annotated[bool, Meta(description="False if nothing more is wanted of it.")] = True


_Usages = Annotated[
    list[UsageAsk],
    Meta(max_length=MOST_GROUPS, description="Each rating group once."),
]


class SessionStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a session: reserve begins it, update goes on, release ends it."""

    step: Literal["reserve", "update", "release"]
    number: Number
    usages: _Usages = []


class ChargeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happens at once: all of it is charged, or nothing."""

    usages: Annotated[list[UsageAsk], Meta(min_length=1, max_length=MOST_GROUPS)]
    number: Number = 1


class ChargeRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Which rating groups of a charge to give back. number: above the charge's own."""

    rating_groups: Annotated[list[RatingGroup], Meta(min_length=1, max_length=MOST_GROUPS)]
    number: Number = 2


class UnitGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What may be used under one rating group from now on, or why not."""

    rating_group: int
    units: int
    seconds: Annotated[int, Meta(description="How long the grant lasts; 0 of an event.")]
    threshold: Annotated[int, Meta(description="Units left at which to ask again.")]
    final: Annotated[bool, Meta(description="When it is used up, there is no more.")]
    refused: Annotated[str | None, Meta(description="The code of the refusal.")]
    price: Annotated[Amount | None, Meta(description="Of an event: charged, or given back.")]


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a request of a session was answered, the first time or again."""

    msisdn: Msisdn
    session: str
    number: int
    grants: list[UnitGrant]
    credit: Annotated[Amount, Meta(description="Credit that no session holds, bonus included.")]
    charged: Annotated[Amount, Meta(description="What the session has cost so far, of credit.")]
    currency: Currency
    again: Annotated[bool, Meta(description="It was answered before: nothing was done anew.")]


class UsageItem(msgspec.Struct, frozen=True, kw_only=True):
    """What a session used under one rating group, as booked."""

    rating_group: int
    service: ServiceName
    to: Annotated[
        str,
        Meta(
            description="Whom it went to, masked; a short code as it is.", examples=["6591••••67"]
        ),
    ]
    zone: Annotated[str, Meta(description="`home`, or the roaming zone.")]
    destination_class: str
    began_at: datetime
    ended_at: datetime
    units: int
    covered: Annotated[int, Meta(description="Units that allowances paid for.")]
    unpaid: Annotated[int, Meta(description="Units that there was nothing left to pay for.")]
    price: Annotated[Amount, Meta(description="Charged to credit.")]
    refunded: Annotated[Amount, Meta(description="Of it, given back.")]
    currency: Currency


class UsagePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what a line used, newest first; next is the cursor of what follows."""

    items: list[UsageItem]
    next: str | None
