"""Logs and errors hold no secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from tambah.cli.logs import configure_logging
from tambah.cli.redaction import MASK, redact, redact_value
from tambah.config import ConfigError


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Send logs to a text, and put logging back as it was afterwards."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging("info", stream)
    yield stream
    root.handlers = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "secret",
    [
        "1234567890123452",
        "1234 5678 9012 3452",
        "1234-5678-9012-3452",
        "1234–5678–9012–3452",
        "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 2",
        "１２３４５６７８９０１２３４５２",
        "12DF 56H8 9J12 3K52",
        "12df56h89j123k52",
        "CDHJ-MNPR-TUWX-YKHF",
        "tk_live_36dNmQyKTW656-C6e-PcHFqOUOUxVZ5jgMNjmqoSzYA",
        "Bearer tk_test_abcdef",
        "Bearer eyJhbGciOi.J9.x-_y",
        "Basic dXNlcjpwYXNz",
        "authorization: something",
        "'authorization', b'something')",
        "1: " + "0f" * 32,
        "0F" * 40,
        "postgresql://tambah:something@host/db",
        "AGE-SECRET-KEY-1QYSZ",
    ],
)
def test_redact_masks_what_looks_like_a_secret(secret: str) -> None:
    masked = redact(f"it said <{secret}> and broke")

    assert MASK in masked
    assert masked.startswith("it said <")
    assert masked.endswith("> and broke")
    assert secret not in masked
    assert "something" not in masked


@pytest.mark.parametrize(
    "text",
    [
        "the database is away, trying again",
        "Context impl PostgresqlImpl.",
        "2026-11-23T02:34:10.751432+00:00",
        "line 60123456789 aged",
        "550e8400-e29b-41d4-a716-446655440000",
        "voucher_batch:12 0012-00000001",
        "internationalise Representations",
    ],
)
def test_redact_leaves_the_rest(text: str) -> None:
    assert redact(text) == text


def test_redact_value_goes_into_depth() -> None:
    assert redact_value(
        {
            "headers": [("Authorization", "x"), (b"cookie", b"tk_live_abc")],
            "pepper": "anything",
            "nested": {"digits": "12", "count": 3, "code": 1234567890123452},
            "none": None,
        }
    ) == {
        "headers": [["Authorization", "x"], ["cookie", f"tk_{MASK}"]],
        "pepper": MASK,
        "nested": {"digits": MASK, "count": 3, "code": MASK},
        "none": None,
    }


def test_logs_are_json_lines_without_secrets_in_traces(stream: io.StringIO) -> None:
    log = structlog.get_logger("tambah.test")
    try:
        raise ValueError("cannot read 1234-5678-9012-3452")
    except ValueError:
        log.exception("broken", key="tk_live_abcdefgh", digits="12")
        logging.getLogger("library").exception("with Bearer %s", "abcdef")
    logging.getLogger("library").warning("told", extra={"pepper": "anything"})
    log.debug("never")

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert [line["event"] for line in lines] == ["broken", f"with Bearer {MASK}", "told"]
    assert [line["level"] for line in lines] == ["error", "error", "warning"]
    assert (lines[0]["key"], lines[0]["digits"], lines[2]["pepper"]) == (f"tk_{MASK}", MASK, MASK)
    assert f"ValueError: cannot read {MASK}" in lines[0]["exception"]
    assert f"ValueError: cannot read {MASK}" in lines[1]["exception"]
    for secret in ("3452", "abcdef", "anything"):
        assert secret not in stream.getvalue().replace("raise ValueError", "")


def test_unknown_level_is_refused() -> None:
    with pytest.raises(ConfigError):
        configure_logging("loud")
