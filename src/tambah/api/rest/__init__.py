"""API v1: thin handlers, each turning HTTP into one command or one look, and back."""

from tambah.api.rest.api import Api

__all__ = ["Api"]
