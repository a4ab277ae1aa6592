"""The dealers' pages: sell a card, reload a number, the last ten sales. For a phone in a shop."""
