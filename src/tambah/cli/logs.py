"""Logging, set up once: lines of JSON on standard error, plain ones on a terminal, no secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor

from tambah.cli.redaction import redact_mapping
from tambah.config import ConfigError

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


def configure_logging(level: str, stream: TextIO | None = None) -> None:
    """Send every log line, ours and the libraries', redacted to standard error.

    level: debug, info, warning, error or critical. Raises ConfigError.
    """
    if level.lower() not in _LEVELS:
        raise ConfigError(f"TAMBAH_LOG_LEVEL: not one of {', '.join(_LEVELS)}")
    number = _LEVELS[level.lower()]
    written_to: TextIO = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(written_to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mask_secrets,  # after the traces have become text, before anything is written
                _renderer(written_to),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    logging.getLogger("uvicorn.access").disabled = True
    # It writes a trace for each try while the database is away; we say that in a line.
    logging.getLogger("asyncpg.pool").setLevel(logging.CRITICAL)
    logging.getLogger("alembic").setLevel(max(number, logging.WARNING))


def mask_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask everything in a log line that looks like a secret. A structlog processor."""
    event.pop("color_message", None)  # uvicorn's, the same once more for terminals
    masked: MutableMapping[str, Any] = redact_mapping(event)  # pyright: ignore[reportArgumentType]
    return masked


def _renderer(stream: TextIO) -> Processor:
    if stream.isatty():
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer()
