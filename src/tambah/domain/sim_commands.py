"""What is asked of a line's SIM. Activation on a SIM is `commands.ActivateLine`."""

from dataclasses import dataclass
from datetime import datetime

from tambah.domain.actor import Actor
from tambah.domain.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceSim:
    """Put a line on another SIM of the stock. is_lost: the old one is in a stranger's hands."""

    caller: str
    request_key: str
    msisdn: int
    iccid: str
    is_lost: bool = False
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowEsimCode:
    """Show a signed-in subscriber the code of the line's eSIM.

    is_fresh: a one-time password was given within the last minutes.
    """

    line_id: int
    is_fresh: bool
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInstalled:
    """Say that a line's eSIM is in its phone: its code is of no more use, and erased."""

    line_id: int
    iccid: str
    actor: Actor


class SimReplaced(Record, frozen=True, kw_only=True):
    """A line is on another SIM. hold_until: when sensitive changes may be made again."""

    line_id: int
    msisdn: int
    iccid: str
    old_iccid: str | None
    hold_until: datetime | None


class EsimCode(Record, frozen=True, kw_only=True):
    """An eSIM's activation code, still sealed. shown: how often it was, this time included."""

    line_id: int
    iccid: str
    smdp_address: str
    sealed: bytes
    shown: int


class SimStands(Record, frozen=True, kw_only=True):
    """A SIM as it stands after it was reported installed."""

    line_id: int
    iccid: str
    installed_at: datetime


SimCommand = ReplaceSim | ShowEsimCode | ReportInstalled
SimOutcome = SimReplaced | EsimCode | SimStands
