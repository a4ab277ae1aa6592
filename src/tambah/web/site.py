"""What every page and every API handler is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tambah.config import SMS_GATEWAYS, Operator, has_gateway
from tambah.domain.package import Package
from tambah.domain.promotion import Promotion
from tambah.domain.refusals import SmsUnavailable
from tambah.domain.rules import Rules
from tambah.engine.clock import Clock
from tambah.engine.engine import Engine
from tambah.engine.keys import Keys
from tambah.payments.desk import PaymentDesk
from tambah.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """What a demo lays open: a working API key, live codes, a line to try them on.

    cards: codes by serial number that are worth something once a shop sells them. sellers: shop,
    number and PIN. Never in production.
    """

    api_key: str = field(repr=False)
    codes: tuple[str, ...] = field(repr=False)
    msisdn: str
    cards: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    sellers: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One running Tambah, as its doors see it.

    engine: the only way to change anything; database: for reading. sandbox: there only when the
    database was stamped *demo* when it was made; then, and only then, /sandbox pages exist.
    trusted_proxies: addresses or networks whose X-Forwarded-For is believed. payments: there when
    somebody takes money; without it, only codes and partners top up. recordings_dir: of prompts.
    sso_client_secret: ours at the provider of single sign-on.
    """

    engine: Engine
    database: Database
    rules: Rules
    operator: Operator
    keys: Keys
    clock: Clock
    public_url: str
    sandbox: Sandbox | None = None
    trusted_proxies: tuple[str, ...] = ()
    payments: PaymentDesk | None = None
    recordings_dir: str = ""
    sso_client_secret: str = field(default="", repr=False)

    @property
    def promotions(self) -> tuple[Promotion, ...]:
        """Return the promotions as they stand now, of all times."""
        return self.engine.rules.promotions

    @property
    def packages(self) -> tuple[Package, ...]:
        """Return the packages as they are sold now, of all times."""
        return self.engine.rules.packages

    @property
    def can_text(self) -> bool:
        """Say whether there is a way to send SMS: a gateway, or a demo's inbox."""
        return self.is_demo or has_gateway(self.operator.gateways, SMS_GATEWAYS)

    def require_texting(self) -> None:
        """Refuse what an SMS is needed for where none can be sent. Raises SmsUnavailable."""
        if not self.can_text:
            raise SmsUnavailable

    @property
    def is_demo(self) -> bool:
        """Say whether this is a demo."""
        return self.sandbox is not None
