"""Looking after dealers: their places in the tree, agreements, the cards they hold."""

from tambah.engine.dealers.setting_up import Limits, NewDealer, Terms, add_dealer, set_agreement

__all__ = ["Limits", "NewDealer", "Terms", "add_dealer", "set_agreement"]
