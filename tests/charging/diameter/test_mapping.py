"""Every refusal of charging has a Result-Code; numbers and networks are read as networks write."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

from tambah.charging.diameter.names import Result
from tambah.charging.diameter.places import (
    called_number,
    network_of_access,
    network_of_location,
)
from tambah.charging.diameter.results import mapped, result_of, result_of_code
from tambah.config import (
    ConfigError,
    DiameterEntry,
    DiameterPeerEntry,
    check_diameter,
)
from tambah.domain import ageing, charging, line, numbering, refusals, spending, tariff
from tambah.domain.numbering import NumberPlan
from tambah.domain.refusals import Refusal
from tests.charging.diameter.world import entry

PLAN = NumberPlan()


def raised_by(module: ModuleType) -> set[type[Refusal]]:
    """Return the refusals that a module of the domain names."""
    return {
        one
        for one in vars(module).values()
        if inspect.isclass(one) and issubclass(one, Refusal) and one is not Refusal
    }


def test_every_refusal_that_charging_can_raise_is_mapped() -> None:
    modules = (ageing, charging, numbering, spending, tariff)
    of_rules = set[type[Refusal]]().union(*(raised_by(module) for module in modules))
    # Of lines, what `require_can_top_up` raises; the others are of top-ups.
    source = inspect.getsource(line.require_can_top_up)
    of_lines = {one for one in raised_by(line) if one.__name__ in source}
    of_the_engine = {refusals.Busy, refusals.Unavailable, refusals.InternalError}

    assert len(of_lines) == 5
    assert (of_rules | of_lines | of_the_engine | {refusals.NumberUnknown}) - mapped() == set()


@pytest.mark.parametrize(
    ("refusal", "result"),
    [
        (refusals.CreditTooLow, 4012),
        (refusals.LineInGrace, 4012),
        (refusals.LineBarred, 4010),
        (refusals.LineSuspended, 4010),
        (refusals.NumberUnknown, 5030),
        (refusals.RateUnknown, 5031),
        (refusals.SessionUnknown, 5002),
        (refusals.RequestOutOfOrder, 5004),
        (refusals.Busy, 3004),
        (refusals.InternalError, 5012),
    ],
)
def test_refusals_are_told_as_the_standards_call_them(refusal: type[Refusal], result: int) -> None:
    assert result_of(refusal()) == result
    assert result_of_code(refusal.code) == result


def test_a_grant_without_a_refusal_is_a_success() -> None:
    assert result_of_code("") is Result.SUCCESS


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("tel:+60198765432", "60198765432"),
        ("tel:+60-19-876.5432", "60198765432"),
        ("sip:+60198765432@ims.test;user=phone", "60198765432"),
        ("sips:0198765432@ims.test", "60198765432"),
        ("sip:+60198765432;npdi@ims.test", "60198765432"),
        ("SIP:%2B60198765432@ims.test", "60198765432"),
        ("tel:0198765432;phone-context=ims.test", "60198765432"),
        ("tel:98765432;phone-context=+603", "60398765432"),
        ("0198765432", "60198765432"),
        ("60198765432", "60198765432"),
        ("+8612345678", "8612345678"),
        ("008612345678", "8612345678"),
        ("sip:100@ims.test", "100"),
        ("urn:service:sos.police", "112"),
        ("urn:service:directory", ""),
        ("sip:alice@ims.test", ""),
        ("tel:+", ""),
        ("", ""),
        ("tel:+٦٠", ""),
    ],
)
def test_whom_a_call_goes_to(written: str, digits: str) -> None:
    assert called_number(written, PLAN) == digits


@pytest.mark.parametrize(
    ("location", "network"),
    [
        ("0005f291", "50219"),  # CGI
        ("8205f29100010082", "50219"),  # TAI and ECGI
        ("8713001400010203", "310410"),  # NCGI, three digits of network code
        ("8205", ""),
        ("5005f291", ""),
        ("00ffffff", ""),
    ],
)
def test_which_network_a_location_is_in(location: str, network: str) -> None:
    assert network_of_location(bytes.fromhex(location)) == network


@pytest.mark.parametrize(
    ("information", "network"),
    [
        ("3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=5021900010000000", "50219"),
        ('3GPP-UTRAN-FDD;utran-cell-id-3gpp="31041000a1b2c"', "310410"),
        ("IEEE-802.11; i-wlan-node-id=ffffffffffff", ""),
        ("", ""),
    ],
)
def test_which_network_an_access_is_in(information: str, network: str) -> None:
    assert network_of_access(information) == network


_PEER = DiameterPeerEntry(host="pgw.test", realm="test", allow=("127.0.0.1",))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"host": "not a host"}, "diameter.host"),
        ({"realm": ""}, "diameter.realm"),
        ({"listen": "localhost:3868"}, "diameter.listen"),
        ({"listen": "127.0.0.1:99999"}, "diameter.listen"),
        ({"metrics": "9000"}, "diameter.metrics"),
        ({"top_up_page": "top-up"}, "diameter.top_up_page"),
        ({"peers": ()}, "nobody may connect"),
        ({"peers": (_PEER, _PEER)}, "pgw.test is there twice"),
        (
            {"peers": (DiameterPeerEntry(host="pgw.test", realm="test", allow=()),)},
            "allow says from which",
        ),
        (
            {"peers": (DiameterPeerEntry(host="pgw.test", realm="test", allow=("10.0.0.1/8",)),)},
            "10.0.0.1/8 is no address or network",
        ),
        (
            {"host": "pgw.test", "peers": (_PEER,)},
            "what we are called ourselves",
        ),
    ],
)
def test_a_wrong_configuration_is_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_diameter(entry(**changes))


def test_a_right_configuration_is_taken() -> None:
    check_diameter(
        entry(listen="[::1]:3868", metrics="127.0.0.1:9868", top_up_page="https://x.y/")
    )
    check_diameter(DiameterEntry(host="ocs", realm="r", peers=(_PEER,)))
