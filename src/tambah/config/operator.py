"""The whole of operator.toml, and reading it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from tambah.config.diameter import DiameterEntry
from tambah.config.entries import (
    BankEntry,
    Brand,
    ChargingEntry,
    ConsoleEntry,
    DealersEntry,
    DenominationEntry,
    FinanceEntry,
    GuessingEntry,
    OwnAmountEntry,
    PackageEntry,
    PaymentsEntry,
    PointsEntry,
    PrintingEntry,
    PromotionEntry,
    RecoveryEntry,
    RemindersEntry,
    ShopEntry,
    SignInEntry,
    SimsEntry,
    SingleSignOnEntry,
    SocialEntry,
    TariffsEntry,
    TicketsEntry,
    ValidityEntry,
)
from tambah.config.faults import fault_in_words
from tambah.config.gateways import GatewayEntry
from tambah.config.nchf import NchfEntry
from tambah.config.settings import ConfigError


class Operator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of operator.toml."""

    brand: Brand
    denominations: tuple[DenominationEntry, ...]
    own_amount: OwnAmountEntry = OwnAmountEntry()
    validity: ValidityEntry = ValidityEntry()
    reminders: RemindersEntry = RemindersEntry()
    guessing: GuessingEntry = GuessingEntry()
    payments: PaymentsEntry = PaymentsEntry()
    charging: ChargingEntry = ChargingEntry()
    nchf: NchfEntry = NchfEntry()
    sign_in: SignInEntry = SignInEntry()
    recovery: RecoveryEntry = RecoveryEntry()
    points: PointsEntry = PointsEntry()
    printing: PrintingEntry = PrintingEntry()
    sims: SimsEntry = SimsEntry()
    dealers: DealersEntry = DealersEntry()
    tariffs: TariffsEntry = TariffsEntry()
    tickets: TicketsEntry = TicketsEntry()
    console: ConsoleEntry = ConsoleEntry()
    single_sign_on: SingleSignOnEntry = SingleSignOnEntry()
    finance: FinanceEntry = FinanceEntry()
    shop: ShopEntry = ShopEntry()
    promotions: tuple[PromotionEntry, ...] = ()
    packages: tuple[PackageEntry, ...] = ()
    gateways: tuple[GatewayEntry, ...] = ()
    bank: BankEntry | None = None
    diameter: DiameterEntry | None = None
    social: tuple[SocialEntry, ...] = ()
    time_zone: str = "Asia/Kuala_Lumpur"
    country_code: str = "60"
    trunk_prefix: str = "0"
    mobile_prefixes: tuple[str, ...] = ("1",)
    national_lengths: tuple[int, ...] = (9, 10)
    most_credit: str = "5000.00"
    plans: tuple[str, ...] = ("standard",)


class _PromotionsFile(msgspec.Struct, frozen=True):
    promotions: tuple[PromotionEntry, ...] = ()


def read_promotions(path: Path) -> tuple[PromotionEntry, ...]:
    """Read the promotions of a file; whatever else it holds is left alone. Raises ConfigError."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(content, _PromotionsFile).promotions
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {fault_in_words(_PromotionsFile, error)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def read_operator(path: Path) -> Operator:
    """Read operator.toml. Raises ConfigError naming the entry that is wrong."""
    try:
        return parse_operator(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_operator(text: str, path: Path) -> Operator:
    """Read the text of an operator.toml at a path. Raises ConfigError naming the entry."""
    try:
        return msgspec.convert(tomllib.loads(text), Operator)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {fault_in_words(Operator, error)}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
