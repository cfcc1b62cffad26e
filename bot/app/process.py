"""The bot as a process of its own: logs, signals, and an end within ten seconds."""

import asyncio
import os
import signal
import sys
import threading
from typing import Final

import structlog

from bot.app.bot import running
from bot.config.settings import Settings, environment
from bot.observability.logs import configure_logs

log = structlog.get_logger("curfew")

END_WITHIN: Final = 9.5
"""Seconds from the signal to the end, whatever hangs. Being cut off is safe, only slower."""


def run_bot(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises what keeps it from starting."""
    form = settings.log_format_for(terminal=sys.stderr.isatty())
    configure_logs(settings.log_level, form)
    for remark in settings.remarks:
        log.warning("settings", remark=remark)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    async with running(settings, environment) as bot:
        on_signals(bot.stopping, bot.nudged)
        await bot.serve()


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
