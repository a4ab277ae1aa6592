"""Looking after dealers: their places in the tree, agreements, the cards they hold."""

from tambah.engine.dealers.setting_up import (
    Limits,
    NewDealer,
    Terms,
    add_dealer,
    foresee_agreement,
    foresee_dealer,
    set_agreement,
)
from tambah.engine.dealers.stock import Moved, foresee_move, move_stock
from tambah.engine.dealers.suspending import set_suspended

__all__ = [
    "Limits",
    "Moved",
    "NewDealer",
    "Terms",
    "add_dealer",
    "foresee_agreement",
    "foresee_dealer",
    "foresee_move",
    "move_stock",
    "set_agreement",
    "set_suspended",
]
