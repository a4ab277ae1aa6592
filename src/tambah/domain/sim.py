"""SIMs: which of the stock serves which line, from the shop's drawer to its end.

A SIM goes in_stock → assigned → retired (or lost), and never back: it serves one line at most in
all its life, which its row names for ever. Which SIM a line is on now is said by the line itself
(`LineAccount.iccid`), so a line is on one at most.
"""

from datetime import datetime, timedelta
from enum import IntEnum

from tambah.domain.ageing import age
from tambah.domain.draft import Draft
from tambah.domain.holding import require_not_on_hold
from tambah.domain.line import Line, LineState
from tambah.domain.records import replace
from tambah.domain.refusals import (
    EsimCodeGone,
    LineBarred,
    LineTerminated,
    NumberUnknown,
    SignInNeeded,
    SimNotUsable,
    SimUnknown,
)
from tambah.domain.signing_in import SessionsEnded
from tambah.domain.sim_commands import (
    EsimCode,
    ReplaceSim,
    ReportInstalled,
    ShowEsimCode,
    SimReplaced,
    SimStands,
)
from tambah.domain.state import Annex


class SimKind(IntEnum):
    """What a SIM is: a card, or a profile that a phone fetches."""

    PHYSICAL = 1
    ESIM = 2


class SimState(IntEnum):
    """Where a SIM is in its life; it only moves forward."""

    IN_STOCK = 1
    ASSIGNED = 2
    RETIRED = 3
    LOST = 4


class Sim(Annex, frozen=True, kw_only=True):
    """A SIM of the inventory.

    imsi: not known for one that came with an imported line. line_id: whom it serves, or served.
    smdp_address, sealed: of an eSIM, where its profile is, and the rest of its activation code,
    encrypted outside; erased when it was installed or is no more. shown: how often the subscriber
    was shown the code. digest: of what its row in the inventory's file said. is_new: not in the
    store yet.
    """

    iccid: str
    imsi: str | None = None
    kind: SimKind = SimKind.PHYSICAL
    state: SimState = SimState.IN_STOCK
    line_id: int | None = None
    smdp_address: str = ""
    sealed: bytes | None = None
    digest: bytes = b""
    imported_at: datetime | None = None
    assigned_at: datetime | None = None
    shown_at: datetime | None = None
    shown: int = 0
    installed_at: datetime | None = None
    ended_at: datetime | None = None
    is_new: bool = False

    @property
    def key(self) -> str:
        """Return its number: a SIM is there before any line is."""
        return self.iccid


def put_on_sim(draft: Draft, iccid: str, left: SimState = SimState.RETIRED) -> None:
    """Put the draft's line on a SIM of the stock; the one it was on ends as `left`.

    Raises SimUnknown, and SimNotUsable for one that serves or served a line.
    """
    sim = draft.annex(Sim, iccid)
    if sim is None:
        raise SimUnknown
    _take(draft, sim, left)


def bring_sim_along(draft: Draft, iccid: str) -> None:
    """Note the SIM that an imported line has been on elsewhere. Raises SimNotUsable.

    One that the inventory does not know is added to it, so that it cannot serve another line.
    """
    _take(draft, draft.annex(Sim, iccid) or Sim(iccid=iccid, is_new=True), SimState.RETIRED)


def replace_sim(command: ReplaceSim, draft: Draft) -> SimReplaced:
    """Put the line on another SIM: its sessions end, and the hold begins.

    Raises LineTerminated, SimUnknown, SimNotUsable.
    """
    age(draft)
    line = draft.require_line()
    if line.state >= LineState.QUARANTINED:
        raise LineTerminated
    old_iccid = draft.iccid
    put_on_sim(draft, command.iccid, SimState.LOST if command.is_lost else SimState.RETIRED)
    hold_hours = draft.rules.sims.hold_hours
    hold_until = draft.now + timedelta(hours=hold_hours) if hold_hours else None
    draft.line = replace(line, hold_until=hold_until)
    draft.keep(SessionsEnded(line_id=line.line_id))
    draft.tell("sim_replaced")
    return SimReplaced(
        line_id=line.line_id,
        msisdn=line.msisdn,
        iccid=command.iccid,
        old_iccid=old_iccid,
        hold_until=hold_until,
    )


def show_esim_code(command: ShowEsimCode, draft: Draft) -> EsimCode:
    """Hand out the code of the line's eSIM and count it: once freely, then after a password.

    Raises NumberUnknown, LineBarred, EsimCodeGone; ChangeOnHold and SignInNeeded after the first
    time.
    """
    line = _require_somebodys(draft)
    if line.barred:
        raise LineBarred
    sim = draft.annex(Sim, draft.iccid)
    if sim is None or sim.sealed is None or sim.line_id != line.line_id:
        raise EsimCodeGone
    if sim.shown:
        require_not_on_hold(line, draft.now)
        if not command.is_fresh:
            raise SignInNeeded
    shown = replace(sim, shown_at=sim.shown_at or draft.now, shown=sim.shown + 1)
    draft.keep(shown)
    draft.remark({"sim": sim.iccid, "shown": sim.shown}, {"sim": sim.iccid, "shown": shown.shown})
    return EsimCode(
        line_id=line.line_id,
        iccid=sim.iccid,
        smdp_address=sim.smdp_address,
        sealed=sim.sealed,
        shown=shown.shown,
    )


def report_installed(command: ReportInstalled, draft: Draft) -> SimStands:
    """Note that the line's eSIM is in its phone, and erase its code.

    Again changes nothing. Raises NumberUnknown, SimUnknown, SimNotUsable.
    """
    line = draft.require_line()
    sim = draft.annex(Sim, command.iccid)
    if sim is None:
        raise SimUnknown
    if sim.state is not SimState.ASSIGNED or sim.line_id != line.line_id:
        raise SimNotUsable(state=sim.state.name.lower())
    installed_at = sim.installed_at or draft.now
    draft.keep(replace(sim, installed_at=installed_at, sealed=None))
    draft.remark({"sim": sim.iccid}, {"sim": sim.iccid, "installed": True})
    return SimStands(line_id=line.line_id, iccid=sim.iccid, installed_at=installed_at)


def _take(draft: Draft, sim: Sim, left: SimState) -> None:
    line = draft.require_line()
    if sim.state is not SimState.IN_STOCK:
        raise SimNotUsable(state=sim.state.name.lower())
    old_iccid = draft.iccid
    old = draft.annex(Sim, old_iccid) if old_iccid else None
    if old is not None and old.line_id == line.line_id:
        draft.keep(replace(old, state=left, sealed=None, ended_at=draft.now))
    draft.keep(replace(sim, state=SimState.ASSIGNED, line_id=line.line_id, assigned_at=draft.now))
    draft.put_on(sim.iccid)
    draft.remark({"sim": old_iccid}, {"sim": sim.iccid})


def _require_somebodys(draft: Draft) -> Line:
    age(draft)
    line = draft.require_line()
    if line.state >= LineState.QUARANTINED:
        raise NumberUnknown
    return line
