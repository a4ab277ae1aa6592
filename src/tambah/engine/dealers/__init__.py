"""Looking after dealers: their places in the tree, agreements, the cards they hold."""

from tambah.engine.dealers.setting_up import Limits, NewDealer, Terms, add_dealer, set_agreement
from tambah.engine.dealers.stock import Moved, move_stock

__all__ = [
    "Limits",
    "Moved",
    "NewDealer",
    "Terms",
    "add_dealer",
    "move_stock",
    "set_agreement",
]
