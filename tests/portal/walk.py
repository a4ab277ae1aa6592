"""Every address of the portal, and how somebody who is signed in tries to reach another's there.

`test_direct_references` walks all of them with everything that is Bob's, as Alice. An address that
is missing here fails it: add it to WALK with what it is about.

- `Reach.OWN`: about whoever is signed in. Nothing of Bob's is told or changed, whatever is sent.
- `Reach.OPEN`: for everybody. What is sent may name anybody, and nothing of theirs is told. What
  anybody may set off by naming a number (a one-time password, a top-up) is named in `sets_off`:
  the tables in which rows of the named line may then be added or changed.
- `Reach.BEARER`: whoever has the address sees what stands there, for it cannot be made up. The
  address itself aside, nothing of Bob's is told or changed; with it, `tells` says what is told and
  `sets_off` what is changed.
- `Reach.LAID_OPEN`: pages of a demo that show everything; nowhere else are they there.

`forms`: well-formed forms, in each field of which each of Bob's values is put; the placeholders
`{number}`, `{ticket}` and `{token}` stand for a number and a ticket of Alice's and a fresh form
token.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Reach(Enum):
    """Whom an address is for."""

    OWN = auto()
    OPEN = auto()
    BEARER = auto()
    LAID_OPEN = auto()


@dataclass(frozen=True, kw_only=True)
class Address:
    """How one address is walked; see above. tells: groups of marks, as the test names them."""

    reach: Reach
    forms: tuple[dict[str, str], ...] = ({},)
    sets_off: frozenset[str] = frozenset()
    tells: frozenset[str] = frozenset()


OWN, OPEN = Address(reach=Reach.OWN), Address(reach=Reach.OPEN)
LAID_OPEN = Address(reach=Reach.LAID_OPEN)

_PAYS = {"token": "{token}", "number": "{number}", "amount": "30.00", "method": "sandbox"}
_REDEEMS = {"token": "{token}", "number": "{number}", "amount": "code", "code": "1111222233334444"}
_IDENTITY = {"document": "X1234567", "kind": "name", "fact": "Bobby Contoh"}
_TICKET = {"token": "{token}", "number": "{number}", "text": "Please look", "about": ""}
_TICKETS = (
    {**_TICKET, "category": "wrong_charge"},
    {
        **_TICKET,
        "category": "damaged_card",
        "serial": "0001-00000003",
        "readable": "8765432187654???",
    },
)
_CODE_SENT = frozenset({"outbox", "line", "sign_in", "sign_in_code"})
_TICKET_PAGE = frozenset({"ticket", "note", "serial"})

WALK: dict[str, Address] = {
    "GET /": OPEN,
    "POST /": Address(reach=Reach.OPEN, forms=(_PAYS, _REDEEMS)),
    "GET /topup": OPEN,
    "POST /topup": Address(reach=Reach.OPEN, forms=(_PAYS, _REDEEMS)),
    "POST /topup/number": Address(reach=Reach.OPEN, forms=({"number": "{number}"},)),
    # A guest pays for whom they like: a payment of the number's is opened.
    "POST /topup/pay": Address(reach=Reach.OPEN, forms=({**_PAYS, "checked": ""},)),
    "GET /topup/result/{token:str}": Address(
        reach=Reach.BEARER,
        tells=frozenset({"receipt", "payment"}),
        sets_off=frozenset({"payment"}),
    ),
    "POST /topup/result/{token:str}": Address(
        reach=Reach.BEARER, forms=({}, {"other": "yes"}), tells=frozenset({"receipt", "payment"})
    ),
    "GET /help": OPEN,
    "GET /packages": OPEN,
    "GET /account/packages/{code:str}": OWN,
    "POST /account/packages/{code:str}": Address(
        reach=Reach.OWN, forms=({"token": "{token}", "renews": "yes"},)
    ),
    "POST /account/renewals": Address(reach=Reach.OWN, forms=({"number": "1", "renews": "no"},)),
    "GET /offers": OPEN,
    "GET /offers/{slug:str}": OPEN,
    "GET /offers/feed.xml": OPEN,
    "GET /points": OPEN,
    "GET /rates": OPEN,
    "GET /points/near": OPEN,
    "POST /points/near": Address(
        reach=Reach.OPEN, forms=({"latitude": "3.14", "longitude": "101.69"},)
    ),
    "GET /points/dots": OPEN,
    "GET /help/ticket": OPEN,
    # Anybody opens one about any number, and its owner is told so.
    "POST /help/ticket": Address(
        reach=Reach.OPEN,
        forms=_TICKETS,
        sets_off=frozenset({"ticket", "request", "outbox", "line"}),
    ),
    # A payment's address brings along what its page says: not the number, which is masked there.
    "POST /help/ticket/about": Address(
        reach=Reach.OPEN, forms=({}, {"number": "{number}"}), tells=frozenset({"payment"})
    ),
    "GET /help/ticket/follow": OPEN,
    "POST /help/ticket/follow": Address(
        reach=Reach.OPEN, forms=({"reference": "{ticket}", "number": "{number}"},)
    ),
    "GET /help/ticket/{token:str}": Address(reach=Reach.BEARER, tells=_TICKET_PAGE),
    "GET /help/ticket/{token:str}/photo/{photo_no:int}": Address(
        reach=Reach.BEARER, tells=frozenset({"photo"})
    ),
    "POST /help/ticket/{token:str}/close": Address(
        reach=Reach.BEARER, sets_off=frozenset({"ticket", "ticket by reference"})
    ),
    "POST /help/ticket/{token:str}/note": Address(
        reach=Reach.BEARER,
        forms=({}, {"token": "{token}", "text": "One thing more"}),
        tells=_TICKET_PAGE,
        sets_off=frozenset({"ticket", "ticket by reference", "ticket_note by reference"}),
    ),
    "GET /account": OWN,
    "GET /account/sign-in": OPEN,
    "POST /account/sign-in": Address(
        reach=Reach.OPEN, forms=({"number": "{number}"},), sets_off=_CODE_SENT
    ),
    "GET /account/sign-in/code": OPEN,
    # The walk asks for a password for Bob's number first: the page says which number was typed,
    # and wrong passwords are counted for it.
    "POST /account/sign-in/code": Address(
        reach=Reach.OPEN,
        forms=({"code": "123456"},),
        sets_off=_CODE_SENT,
        tells=frozenset({"number"}),
    ),
    "GET /account/sign-in/again": OWN,
    "POST /account/sign-in/again": Address(reach=Reach.OWN, forms=({"to": "/account/history"},)),
    "POST /account/sign-out": Address(reach=Reach.OWN, forms=({}, {"everywhere": "yes"})),
    "GET /account/history": OWN,
    "GET /account/usage": OWN,
    "GET /account/receipts/{topup_no:int}": OWN,
    "GET /account/tickets": OWN,
    "GET /account/sim": OWN,
    "GET /account/sim/code": OWN,
    "POST /account/sim/code": OWN,
    "GET /account/sim/help": OPEN,
    "GET /account/settings": OWN,
    "POST /account/settings": Address(
        reach=Reach.OWN,
        forms=({"language": "ms", "reminds": "yes", "low": "below", "below": "5.00"},),
    ),
    "GET /account/forgotten": OPEN,
    "POST /account/forgotten": Address(reach=Reach.OPEN, forms=(_IDENTITY,)),
    "GET /account/forgotten/code": OPEN,
    "POST /account/forgotten/code": Address(reach=Reach.OPEN, forms=({"code": "123456"},)),
    "POST /account/forgotten/this-phone": OPEN,
    # Signed in, it is about one's own line; the identity is asked of who is not.
    "GET /account/lost": OWN,
    "POST /account/lost": Address(
        reach=Reach.OWN, forms=({}, {"number": "{number}", **_IDENTITY})
    ),
    "GET /account/lost/done": OPEN,
    "GET /account/unbar": OWN,
    "POST /account/unbar": Address(reach=Reach.OWN, forms=(_IDENTITY,)),
    "GET /account/reactivate": OPEN,
    "POST /account/reactivate": Address(
        reach=Reach.OPEN, forms=({"number": "{number}", **_IDENTITY},)
    ),
    "GET /account/reactivate/done": OPEN,
    "GET /sandbox/codes": LAID_OPEN,
    "GET /sandbox/sms": LAID_OPEN,
    "GET /sandbox/messages": LAID_OPEN,
    "GET /sandbox/pay/{provider_ref:str}": LAID_OPEN,
    "POST /sandbox/pay/{provider_ref:str}": LAID_OPEN,
}
