"""Subscribers who call, text, browse, buy and top up, from outside: over the doors of charging."""
