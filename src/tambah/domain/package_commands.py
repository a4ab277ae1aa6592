"""What is asked of a line's packages, and what is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tambah.domain.actor import Actor
from tambah.domain.balance import BucketKind
from tambah.domain.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyPackage:
    """Buy a package from a line's credit.

    package: its code. auto_renew: whether it is renewed when it ends, None as the package has it.
    price_micros: what the buyer was told, None where nothing was; another price is refused.
    actor: staff who buy it for the subscriber, None for the subscriber alone.
    """

    caller: str
    request_key: str
    msisdn: int
    package: str
    auto_renew: bool | None = None
    price_micros: int | None = None
    actor: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRenewal:
    """Have what runs under a number renewed when it ends, or have it end then."""

    caller: str
    request_key: str
    msisdn: int
    number: int
    renews: bool
    actor: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPackage:
    """Take an unused package back: its price returns to where it came from."""

    caller: str
    request_key: str
    msisdn: int
    number: int
    actor: Actor


class BoughtAllowance(Record, frozen=True, kw_only=True):
    """Seconds, messages or bytes of a package that was bought."""

    kind: BucketKind
    amount: int
    scope: str


class PackageBought(Record, frozen=True, kw_only=True):
    """A package runs. Micro-ringgit; names: by language tag; receipt: for people to quote.

    until: first instant at which it is over. balance, bonus: what credit is left.
    """

    msisdn: int
    number: int
    package: str
    names: Mapping[str, str]
    price_micros: int
    allowances: tuple[BoughtAllowance, ...]
    balance_micros: int
    bonus_balance_micros: int
    until: datetime
    renews: bool
    receipt: str


class RenewalSet(Record, frozen=True, kw_only=True):
    """What runs under a number as it stands now."""

    msisdn: int
    number: int
    package: str
    until: datetime
    renews: bool


class PackageRefunded(Record, frozen=True, kw_only=True):
    """A package was taken back. Micro-ringgit: what of its price went to main credit, to bonus."""

    msisdn: int
    number: int
    package: str
    main_micros: int
    bonus_micros: int
    balance_micros: int


PackageCommand = BuyPackage | SetRenewal | RefundPackage
PackageOutcome = PackageBought | RenewalSet | PackageRefunded
