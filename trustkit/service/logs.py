"""The log: one JSON object a line on stderr; no names of files, no keys, nobody's address."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("trustkit.service")
# Of uvicorn only what went wrong: when it starts and ends we say ourselves.
_THEIRS = logging.getLogger("uvicorn.error")


class JsonLines(logging.Formatter):
    """A record as JSON; `extra={"facts": {...}}` are its keys beside time, level and event."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage().strip(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            # Where it went wrong, but not the message: that may quote what a client sent.
            told["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-8:]
            told["at"] = [f"{frame.filename}:{frame.lineno}" for frame in frames]
        return json.dumps(told, ensure_ascii=True)


def set_up_logs() -> None:
    """Send the service's log to stderr; called by the command, and by nobody else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for logger, level in ((LOGGER, logging.INFO), (_THEIRS, logging.ERROR)):
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


def note(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Write one line."""
    LOGGER.log(level, event, extra={"facts": facts})
