"""Asking a provider of a payment once more, by hand."""

from __future__ import annotations

from tambah.domain.actor import Actor
from tambah.engine.administer import acting, note
from tambah.payments.desk import PaymentDesk
from tambah.store.database import Database
from tambah.store.views.payments import PaymentView


async def ask_again(database: Database, desk: PaymentDesk, view: PaymentView, actor: Actor) -> str:
    """Ask how a payment stands and take the answer in; who asked stands in the audit trail.

    Returns in a word what came of it, as `PaymentDesk.look` does. Raises ReasonMissing.
    """
    async with acting(database) as connection:
        await note(connection, actor, "AskProvider", f"payment:{view.reference}")
    return await desk.look(view.line_id, view.payment_no)
