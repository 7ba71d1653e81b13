"""What vendors' libraries log, kept out of everybody's logs."""

from __future__ import annotations

import logging


def hush(*loggers: str) -> None:
    """Keep what a library logs to itself: at debug level some log access tokens."""
    for name in loggers:
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
