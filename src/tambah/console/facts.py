"""Facts of a record, in the reader's words: what `record.html` and a line's page list."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple, Protocol

from tambah.config import Operator
from tambah.domain.numbering import show_msisdn
from tambah.domain.refusals import Refusal
from tambah.domain.rules import Rules
from tambah.i18n import Texts
from tambah.i18n.zones import name_zone

LINES, VOUCHERS = "/console/lines", "/console/vouchers"
BATCHES = "/console/batches"
DEALERS, STOCK = "/console/dealers", "/console/stock"
TARIFFS = "/console/tariffs"
REQUESTS = "/console/requests"
PAYMENTS, TICKETS, SIMS = "/console/payments", "/console/tickets", "/console/sims"


FACTS = frozenset(
    {
        "activated",
        "active_then",
        "active_until",
        "all_year",
        "allowance",
        "amount",
        "answer",
        "asked_by",
        "assigned",
        "at",
        "at_cost",
        "bank_ref",
        "batch",
        "batch_state",
        "became",
        "bonus",
        "bonus_back",
        "bonus_taken",
        "booked",
        "born_active",
        "called",
        "cards_changed",
        "category",
        "changed",
        "closed",
        "compared_with",
        "created",
        "credit",
        "credit_limit",
        "credit_now",
        "credit_then",
        "dealer_kind",
        "dealer_no",
        "dealers_paid",
        "left_out",
        "paid_dealers",
        "decided_by",
        "digits_read",
        "document",
        "draws_on",
        "due",
        "due_events",
        "due_payments",
        "due_refunds",
        "effect",
        "ended",
        "ends_at",
        "expired_until",
        "export_size",
        "exported",
        "failed",
        "failed_refunds",
        "file",
        "first_serial",
        "float",
        "from_credit",
        "giver",
        "goes_back",
        "grace_until",
        "guest_codes",
        "held",
        "hold_until",
        "holder",
        "iccid",
        "imsi",
        "in_force",
        "lag",
        "language",
        "last_serial",
        "least_sale",
        "lettered",
        "level",
        "lines",
        "live_cards",
        "made_at",
        "method",
        "most_day",
        "most_sale",
        "moved",
        "name",
        "number",
        "one_guess",
        "opened",
        "owed",
        "own_codes",
        "own_year",
        "pack_code",
        "pack_forbids",
        "pack_length",
        "pack_main_only",
        "pack_names",
        "pack_needs",
        "pack_new_within",
        "pack_parts",
        "pack_plans",
        "pack_price",
        "pack_renewal",
        "pack_renewing",
        "pack_running",
        "pack_since",
        "pack_stacking",
        "pack_terms",
        "pack_until",
        "package",
        "paid",
        "paid_as",
        "paid_out",
        "parent",
        "partner",
        "payment",
        "pays",
        "place",
        "plan",
        "price",
        "print_digest",
        "print_is_here",
        "print_size",
        "promo_allowances",
        "promo_beaten",
        "promo_bonus",
        "promo_bonus_days",
        "promo_days",
        "promo_first",
        "promo_group",
        "promo_least",
        "promo_looked_at",
        "promo_matched",
        "promo_more",
        "promo_name",
        "promo_new_within",
        "promo_percent",
        "promo_plans",
        "promo_prices",
        "promo_since",
        "promo_sources",
        "promo_states",
        "promo_until",
        "promo_untold",
        "promo_would_allowances",
        "promo_would_bonus",
        "promo_would_days",
        "provider",
        "provider_ref",
        "quantity",
        "range",
        "rate",
        "reactivation_until",
        "reason",
        "received",
        "receiver",
        "recipient",
        "redeem_until",
        "redeemed_at",
        "redeemed_by",
        "reference",
        "refunded",
        "refusal",
        "released",
        "roles",
        "serial",
        "serials",
        "sha256",
        "sign_in",
        "sim_kind",
        "sold",
        "sold_today",
        "spent",
        "standing",
        "stays",
        "subject",
        "sum_due",
        "taken",
        "tariff",
        "tariff_added",
        "tariff_cheaper",
        "tariff_dearer",
        "tariff_dropped",
        "tariff_mixed",
        "tariff_most_cheaper",
        "tariff_most_dearer",
        "tariff_rates",
        "tariff_reworded",
        "tariff_sheet",
        "then_on",
        "to_number",
        "topup_no",
        "until_day",
        "valid_days",
        "waiting",
        "who",
        "why",
        "why_not",
        "worth",
        "writing",
    }
)
"""Every word that a fact may have; a test holds the texts against them."""


class Fact(NamedTuple):
    """One fact: a text `console.fact.<word>`, its value, where that leads, and what it was."""

    word: str
    value: str
    path: str = ""
    was: str = ""


class Ruled(Protocol):
    """What has an operator and its rules: the site, the command line's desk."""

    @property
    def operator(self) -> Operator:
        """Who the operator is."""
        ...

    @property
    def rules(self) -> Rules:
        """By which rules."""
        ...


class Wording:
    """Writes values as one reader reads them."""

    def __init__(self, house: Ruled, texts: Texts) -> None:
        self._house = house
        self.texts = texts
        self._zone = name_zone(house.operator.time_zone)

    def when(self, instant: datetime | None) -> str:
        """Write an instant with its zone; a dash for none."""
        if instant is None:
            return "–"
        return f"{self.texts.when(instant, self._house.rules.validity.zone)} {self._zone}"

    def last_day(self, end: datetime | None) -> str:
        """Write the last day before an end; a dash for none."""
        if end is None:
            return "–"
        return self.day(self._house.rules.validity.last_day(end))

    def day(self, day: date) -> str:
        """Write a local day."""
        return self.texts.date(day)

    def money(self, amount_micros: int) -> str:
        """Write an amount."""
        return self.texts.money(amount_micros)

    def refusal(self, refusal: Refusal) -> str:
        """Write the sentences about a refusal."""
        return self.texts.refusal(refusal, self._house.rules.validity.zone)

    def number(self, msisdn: int) -> str:
        """Write a number as its owner would."""
        return show_msisdn(msisdn, self._house.rules.numbers)
