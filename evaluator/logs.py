"""Where the log goes: to standard error, one line an event. Keys never; prompts, answers and replies at debug alone."""

from __future__ import annotations

import logging


def set_up_logging(level: str) -> None:
    """Sets the level of this program's own log. Other libraries keep theirs."""
    log = logging.getLogger("evaluator")
    log.setLevel(level.upper())
    log.propagate = False
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        log.addHandler(handler)
