"""The log on standard error: lines for people on a terminal, JSON for machines.

Rules kept here: everything goes through one road, the libraries' lines too; libraries are heard
from WARNING on, whatever level is set, because some print what they send at DEBUG.
"""

import logging
import sys
from typing import Final, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

OURS: Final = "curfew"

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def configure_logs(level: str, form: Literal["console", "json"]) -> None:
    """Log from `level` on, in that form. May be repeated: the last call holds."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(form),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level)
    # It logs a traceback for each request that is no HTTP; our own errors `bot.web` logs itself.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def _rendering(form: Literal["console", "json"]) -> tuple[Processor, ...]:
    if form == "json":
        return (
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            _ordered,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        )
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        # Plain: the pretty one prints local variables, and a password may be among them.
        exception_formatter=structlog.dev.plain_traceback,
    )
    return (console,)


def _ordered(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Time, level and message first, for eyes that read JSON."""
    first = {key: event.pop(key) for key in ("timestamp", "level", "message") if key in event}
    return {**first, **event}
