"""Subscriber pages: top up as a guest, see the result, get help; a demo's codes and SMS."""
