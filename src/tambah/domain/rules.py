"""The operator's rules, all in one value that `decide` is given."""

from dataclasses import dataclass, field

from tambah.domain.catalog import Catalog
from tambah.domain.charging_rule import ChargingRule
from tambah.domain.dealer_rule import DealerRule
from tambah.domain.guessing import GuessingRule
from tambah.domain.line import LifeRule
from tambah.domain.numbering import NumberPlan
from tambah.domain.package import Package
from tambah.domain.payment import PaymentRule
from tambah.domain.promotion import Promotion
from tambah.domain.reminder_rule import ReminderRule
from tambah.domain.sign_in_rule import SignInRule
from tambah.domain.sim_rule import SimRule
from tambah.domain.tariff import NO_TARIFFS, TariffBook
from tambah.domain.validity import ValidityRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything an operator may set that changes a decision.

    most_credit_micros: the most main credit that a line may hold. promotions: of all times.
    move_hours: how long after it a top-up may be moved to the right number; 0 for never.
    most_credit_micros: the most main credit that a line may hold. promotions, packages:
    of all times.
    """

    catalog: Catalog
    validity: ValidityRule
    life: LifeRule = field(default_factory=LifeRule)
    guessing: GuessingRule = field(default_factory=GuessingRule)
    numbers: NumberPlan = field(default_factory=NumberPlan)
    most_credit_micros: int = 5_000_000_000
    payments: PaymentRule = field(default_factory=PaymentRule)
    signing_in: SignInRule = field(default_factory=SignInRule)
    sims: SimRule = field(default_factory=SimRule)
    reminders: ReminderRule = field(default_factory=ReminderRule)
    promotions: tuple[Promotion, ...] = ()
    dealers: DealerRule = field(default_factory=DealerRule)
    tariffs: TariffBook = NO_TARIFFS
    charging: ChargingRule = field(default_factory=ChargingRule)
    move_hours: int = 24
    packages: tuple[Package, ...] = ()
