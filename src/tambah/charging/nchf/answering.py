"""What the charging desk granted, as a charging data response."""

from __future__ import annotations

from collections.abc import Mapping

from tambah.charging.nchf.problems import RESULT_OF
from tambah.charging.nchf.shapes import (
    ChargingDataRequest,
    ChargingDataResponse,
    FinalUnits,
    GrantedUnits,
    RedirectServer,
    Trigger,
    UnitInformation,
)
from tambah.domain.charging_commands import Grant, UnitsGranted
from tambah.domain.rating import Service

_AT_ONCE = "IMMEDIATE_REPORT"
_TRIGGERS = tuple(
    Trigger(trigger_type=kind, trigger_category=_AT_ONCE)
    for kind in ("QUOTA_THRESHOLD", "QUOTA_EXHAUSTED", "VALIDITY_TIME", "FINAL", "PLMN_CHANGE")
)
"""When to report. Abroad costs something else, so that the network in between is told apart."""

_UNITS: Mapping[Service, tuple[str, str]] = {
    Service.VOICE: ("time", "time_quota_threshold"),
    Service.SMS: ("service_specific_units", "unit_quota_threshold"),
    Service.MMS: ("service_specific_units", "unit_quota_threshold"),
    Service.DATA: ("total_volume", "volume_quota_threshold"),
}


def answer_of(
    request: ChargingDataRequest, granted: UnitsGranted, service: Service, redirect_to: str
) -> ChargingDataResponse:
    """Return what a create or an update is answered.

    redirect_to: where those go who have used up what they had; empty ends what they use.
    """
    return ChargingDataResponse(
        invocation_time_stamp=request.invocation_time_stamp,
        invocation_sequence_number=request.invocation_sequence_number,
        units=tuple(_information(one, service, redirect_to) for one in granted.grants),
    )


def _information(grant: Grant, service: Service, redirect_to: str) -> UnitInformation:
    if grant.refused:
        # What one rating group is refused for is in the table: a test proves it.
        result = RESULT_OF.get(grant.refused, "END_USER_SERVICE_REJECTED")
        return UnitInformation(rating_group=grant.rating_group, result_code=result)
    units, threshold = _UNITS[service]
    lasts = grant.seconds > 0  # an event's units last no time
    limits: dict[str, int] = {threshold: grant.threshold} if grant.threshold else {}
    return UnitInformation(
        rating_group=grant.rating_group,
        result_code="SUCCESS",
        granted_unit=GrantedUnits(**{units: grant.units}),
        triggers=_TRIGGERS if lasts else (),
        validity_time=grant.seconds if lasts else None,
        final_unit_indication=_final(redirect_to) if grant.final else None,
        **limits,
    )


def _final(redirect_to: str) -> FinalUnits:
    if not redirect_to:
        return FinalUnits(final_unit_action="TERMINATE")
    server = RedirectServer(redirect_address_type="URL", redirect_server_address=redirect_to)
    return FinalUnits(final_unit_action="REDIRECT", redirect_server=server)
