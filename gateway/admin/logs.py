"""The gateway's own log: events with fields, to stderr. Tracebacks without the values of locals: those hold secrets."""

import logging
import sys
import time
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

log = structlog.get_logger()

TELL_EVERY_S: Final = 60.0


def configure() -> None:
    """One line per event: for people on a terminal, JSON elsewhere."""
    terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    sys.unraisablehook = Unraisable()


class Unraisable:
    """Failures that Python can raise to nobody, as in a callback of TLS: each kind once a minute, or a bot floods."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, failed: "UnraisableHookArgs") -> None:
        """Say it. Never the object that failed: its words may hold anything."""
        kind = failed.exc_type.__name__
        now = time.monotonic()
        if now - self._told.get(kind, -TELL_EVERY_S) >= TELL_EVERY_S:
            self._told[kind] = now
            log.warning("a failure in a callback was passed over", kind=kind)
