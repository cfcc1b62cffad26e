"""The bot as a process of its own: logs, signals, and an end within ten seconds."""

import asyncio
import ctypes
import gc
import os
import signal
import sys
import threading
from typing import Final

import structlog

from bot.app.bot import running
from bot.config.settings import Settings, environment
from bot.observability.logs import configure_logs
from bot.storage.database import Database

log = structlog.get_logger("curfew")

END_WITHIN: Final = 9.5
"""Seconds from the signal to the end, whatever hangs. Being cut off is safe, only slower."""

READ_BY_LIBRARIES: Final = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_CLIENT_ID",
    "SLACK_CLIENT_SECRET",
)
"""Bolt acts on these by itself when it finds them; what it needs of us it is given."""


def run_bot(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises what keeps it from starting."""
    form = settings.log_format_for(terminal=sys.stderr.isatty())
    configure_logs(settings.log_level, form)
    for remark in settings.remarks:
        log.warning("settings", remark=remark)
    for name in READ_BY_LIBRARIES:
        os.environ.pop(name, None)
    upgrade_apart(settings.database_url.get_secret_value())
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    async with running(settings, environment) as bot:
        on_signals(bot.stopping, bot.nudged)
        settle_down()
        await bot.serve()


def upgrade_apart(url: str) -> None:
    """Bring the tables up to date in a child: what that needs is used once, and weighs 8 MB.

    Call it before there are threads. What goes wrong is not told here: the start that follows
    meets it again, and says it.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        asyncio.run(_upgrade(url))
    finally:
        os._exit(0)  # whatever happened: this is not the process that goes on


async def _upgrade(url: str) -> None:
    async with await Database.open(url, exclusive=True, migrate=True):
        return


def settle_down() -> None:
    """Give back what only the start needed: some megabytes that would else be held for months."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)  # batches of ends make tens of thousands, all short-lived
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, others do not
    if trim is not None:
        trim(0)


def on_signals(stopping: asyncio.Event, nudged: asyncio.Event) -> None:
    """SIGTERM and SIGINT stop, the second one at once; SIGHUP reads the policy again."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(128 + signal.SIGINT)
        stopping.set()
        last_resort = threading.Timer(END_WITHIN, os._exit, (0,))
        last_resort.daemon = True
        last_resort.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, nudged.set)
