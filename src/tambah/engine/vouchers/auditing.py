"""What every action by staff on vouchers owes: a person, a reason, and a row that says so."""

from tambah.domain.actor import Actor
from tambah.domain.refusals import ReasonMissing


def require_reason(actor: Actor) -> None:
    """Refuse an action without a name or a reason. Raises ReasonMissing."""
    if not actor.who.strip() or not actor.why.strip():
        raise ReasonMissing
