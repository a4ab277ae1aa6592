"""What goes over Nchf, as much of it as is used here. Names are the specification's.

Members that are not named are let through unread: a network function may send much that matters
to other charging functions alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

MOST_UINT32 = 2**32 - 1
_Uint32 = Annotated[int, Meta(ge=0, le=MOST_UINT32)]
_Uint64 = Annotated[int, Meta(ge=0)]
_Text = Annotated[str, Meta(max_length=255)]
_Moment = Annotated[datetime, Meta(tz=True)]


class _Read(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class PlmnId(_Read, frozen=True, kw_only=True):
    """A network: country code and network code."""

    mcc: Annotated[str, Meta(pattern=r"^[0-9]{3}\Z")]
    mnc: Annotated[str, Meta(pattern=r"^[0-9]{2,3}\Z")]


class NfIdentification(_Read, frozen=True, kw_only=True):
    """Which network function speaks, or served."""

    node_functionality: _Text
    name: _Text = field(name="nFName", default="")
    plmn: PlmnId | None = field(name="nFPLMNID", default=None)


class Units(_Read, frozen=True, kw_only=True):
    """Units as they are asked for and reported; which of them counts is the service's matter."""

    time: _Uint32 | None = None
    total_volume: _Uint64 | None = None
    uplink_volume: _Uint64 | None = None
    downlink_volume: _Uint64 | None = None
    service_specific_units: _Uint64 | None = None


class UsedUnits(Units, frozen=True, kw_only=True):
    """A container of what was used."""

    local_sequence_number: int


class UnitUsage(_Read, frozen=True, kw_only=True):
    """A rating group: what is wanted of it, what was used."""

    rating_group: _Uint32
    requested: Units | None = field(name="requestedUnit", default=None)
    used: Annotated[tuple[UsedUnits, ...], Meta(max_length=1000)] = field(
        name="usedUnitContainer", default=()
    )


class Tai(_Read, frozen=True, kw_only=True):
    """A tracking area, of which the network is read."""

    plmn_id: PlmnId


class Cell(_Read, frozen=True, kw_only=True):
    """Where a subscriber is by one kind of radio."""

    tai: Tai | None = None


class UserLocation(_Read, frozen=True, kw_only=True):
    """Where a subscriber is."""

    nr: Cell | None = field(name="nrLocation", default=None)
    eutra: Cell | None = field(name="eutraLocation", default=None)


class ServingFunction(_Read, frozen=True, kw_only=True):
    """What serves a session where the subscriber is."""

    information: NfIdentification = field(name="servingNetworkFunctionInformation")


class PduSession(_Read, frozen=True, kw_only=True):
    """A data session."""

    pdu_session_id: Annotated[int, Meta(ge=0, le=255)] = field(name="pduSessionID")
    home: PlmnId | None = field(name="hPlmnId", default=None)
    serving: PlmnId | None = field(name="servingCNPlmnId", default=None)
    serving_function: ServingFunction | None = field(name="servingNetworkFunctionID", default=None)


class UserInformation(_Read, frozen=True, kw_only=True):
    """Whose data session it is."""

    served_gpsi: _Text = field(name="servedGPSI", default="")


class PduSessionCharging(_Read, frozen=True, kw_only=True):
    """What is charged is a data session."""

    charging_id: _Uint32 | None = None
    user: UserInformation | None = field(name="userInformation", default=None)
    location: UserLocation | None = field(name="userLocationinfo", default=None)
    session: PduSession | None = field(name="pduSessionInformation", default=None)


class SmAddress(_Read, frozen=True, kw_only=True):
    """An address of a short message."""

    kind: _Text = field(name="sMaddressType", default="")
    data: _Text = field(name="sMaddressData", default="")


class Recipient(_Read, frozen=True, kw_only=True):
    """To whom a short message goes."""

    gpsi: _Text = field(name="recipientGPSI", default="")
    other: SmAddress | None = field(name="recipientOtherAddress", default=None)
    received: SmAddress | None = field(name="recipientReceivedAddress", default=None)


class Originator(_Read, frozen=True, kw_only=True):
    """Who sent a short message."""

    gpsi: _Text = field(name="originatorGPSI", default="")


class SmsCharging(_Read, frozen=True, kw_only=True):
    """What is charged is a short message."""

    originator: Originator | None = field(name="originatorInfo", default=None)
    recipients: Annotated[tuple[Recipient, ...], Meta(max_length=100)] = field(
        name="recipientInfo", default=()
    )
    location: UserLocation | None = field(name="userLocationinfo", default=None)
    messages: _Uint32 | None = field(name="numberofMessagesSent", default=None)
    reference: _Text = field(name="messageReference", default="")


class ChargingDataRequest(_Read, frozen=True, kw_only=True):
    """Create, update and release say the same things.

    The last five are services that are not charged for here; that they are there is all that is
    read of them.
    """

    consumer: NfIdentification = field(name="nfConsumerIdentification")
    invocation_time_stamp: _Moment
    invocation_sequence_number: _Uint32
    subscriber_identifier: _Text = ""
    charging_id: _Uint32 | None = None
    retransmission_indicator: bool = False
    one_time_event: bool = False
    one_time_event_type: _Text = ""
    notify_uri: Annotated[str, Meta(max_length=1000)] = ""
    usages: Annotated[tuple[UnitUsage, ...], Meta(max_length=1000)] = field(
        name="multipleUnitUsage", default=()
    )
    data: PduSessionCharging | None = field(name="pDUSessionChargingInformation", default=None)
    sms: SmsCharging | None = field(name="sMSChargingInformation", default=None)
    nef: msgspec.Raw | UnsetType = field(name="nEFChargingInformation", default=UNSET)
    registration: msgspec.Raw | UnsetType = field(
        name="registrationChargingInformation", default=UNSET
    )
    n2: msgspec.Raw | UnsetType = field(name="n2ConnectionChargingInformation", default=UNSET)
    nspa: msgspec.Raw | UnsetType = field(name="nSPAChargingInformation", default=UNSET)
    nsm: msgspec.Raw | UnsetType = field(name="nSMChargingInformation", default=UNSET)


class _Written(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    pass


class GrantedUnits(_Written, frozen=True, kw_only=True):
    """What may be used."""

    time: int | None = None
    total_volume: int | None = None
    service_specific_units: int | None = None


class Trigger(_Written, frozen=True, kw_only=True):
    """When the network is to report."""

    trigger_type: str
    trigger_category: str


class RedirectServer(_Written, frozen=True, kw_only=True):
    """Where those are sent who have used up what they had."""

    redirect_address_type: str
    redirect_server_address: str


class FinalUnits(_Written, frozen=True, kw_only=True):
    """What is granted is the last there is, and what to do after it."""

    final_unit_action: str
    redirect_server: RedirectServer | None = None


class UnitInformation(_Written, frozen=True, kw_only=True):
    """What a rating group is answered."""

    rating_group: int
    result_code: str
    granted_unit: GrantedUnits | None = None
    triggers: tuple[Trigger, ...] = ()
    validity_time: int | None = None
    final_unit_indication: FinalUnits | None = None
    time_quota_threshold: int | None = None
    volume_quota_threshold: int | None = None
    unit_quota_threshold: int | None = None


class ChargingDataResponse(_Written, frozen=True, kw_only=True):
    """What a create or an update is answered."""

    invocation_time_stamp: datetime
    invocation_sequence_number: int
    units: tuple[UnitInformation, ...] = field(name="multipleUnitInformation", default=())


class Reauthorization(_Written, frozen=True, kw_only=True):
    """What a network function is told: ask again, there may be credit."""

    notification_type: str


class InvalidParam(_Written, frozen=True, kw_only=True):
    """A member that is wrong."""

    param: str
    reason: str = ""


class ProblemDetails(_Written, frozen=True, kw_only=True):
    """Why not (TS 29.571; RFC 9457 with a cause)."""

    title: str
    status: int
    detail: str
    cause: str
    invalid_params: tuple[InvalidParam, ...] = ()
