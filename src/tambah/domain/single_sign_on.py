"""Who comes in by single sign-on: what a provider says of somebody, and what that is worth here.

A provider says who somebody is. It gives nobody an account and nobody a role: accounts are
invitations of ours, and roles take two of our people.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from tambah.domain.records import Record
from tambah.domain.refusals import FieldMalformed
from tambah.domain.staff import fold_name

CLOCKS_APART = timedelta(seconds=60)
"""By how much the provider's clock may differ from ours."""


class Told(Record, frozen=True, kw_only=True):
    """What a provider says of somebody, verified.

    subject: who it is there, for ever. email: verified, empty for none. methods: how it was proved
    (amr). authenticated_at: when, None where it is not said.
    """

    subject: str
    email: str = ""
    methods: tuple[str, ...] = ()
    authenticated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleSignOnRule:
    """What the operator's provider is worth. See SingleSignOnEntry."""

    issuer: str
    client_id: str
    domains: AbstractSet[str] = frozenset()
    trusts_second_factor: bool = False
    methods: AbstractSet[str] = frozenset()


def name_told(rule: SingleSignOnRule, told: Told) -> str | None:
    """Return whose account a verified address is of, None where it is nobody's by our rule."""
    first, at, domain = told.email.rpartition("@")
    if not at or domain.lower() not in rule.domains:
        return None
    try:
        return fold_name(first)
    except FieldMalformed:
        return None


def proves_second_factor(rule: SingleSignOnRule, told: Told) -> bool:
    """Say whether a second factor of ours need not be asked for."""
    if not rule.trusts_second_factor:
        return False
    return not rule.methods or not rule.methods.isdisjoint(told.methods)


def is_proved_since(told: Told, since: datetime) -> bool:
    """Say whether somebody proved who they are to the provider after an instant."""
    return told.authenticated_at is not None and told.authenticated_at >= since - CLOCKS_APART
