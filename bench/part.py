"""One process of the soak: rounds of one half on one database, told a line of JSON each."""

import argparse
import asyncio
import gc
import json
import logging
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from contextlib import ExitStack, suppress
from random import Random
from typing import Final

from bench.ground import Ground, ground
from bench.moved import rounds
from bench.real import every_point, stories
from bot.demo.shop import Shop, open_shop
from bot.observability.logs import configure_logs

ENOUGH: Final = 3
"""So many violations end a part: what is broken is known by then."""

LONG: Final = 10.0
"""Minutes from which the first round is the one with every point that has a name."""


def play(given: argparse.Namespace) -> int:
    """Rounds until the time is up. Exit code 0: what was wrong has been told."""
    # What fails on purpose is no news, and a power cut leaves things behind.
    configure_logs("CRITICAL", "console")
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGTERM, _leave)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        _rounds(given, stack)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    _tell({"counts": {"(most MB)": most}})
    return 0


def _rounds(given: argparse.Namespace, stack: ExitStack) -> None:
    half, on = given.here.split()
    until = time.monotonic() + given.minutes * 60
    here = stack.enter_context(ground(on))
    shop = stack.enter_context(open_shop(here.folder / "shop")) if half == "real" else None
    first = 0 if given.minutes >= LONG else 1
    number = first if given.round is None else given.round
    wrong = 0
    while time.monotonic() < until and wrong < ENOUGH:
        key = f"{given.seed} {half} {on} {given.stream} {number}"
        wrong += _round(here, shop, key, number, until)
        if given.round is not None:
            return
        number += 1
        gc.collect()


def _leave(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _round(here: Ground, shop: Shop | None, key: str, number: int, until: float) -> bool:
    """One round; True when something did not hold."""
    chance, counts = Random(key), Counter[str]()  # noqa: S311 - to be repeated
    wrong = ""
    with here.field() as field:
        try:
            if shop is None:
                asyncio.run(rounds(field, chance, counts, until))
            elif number == 0:
                asyncio.run(every_point(field, shop, counts))
            else:
                asyncio.run(stories(field, shop, chance, counts))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
            seed, half, on, stream, _ = key.split()
            again = f"--seed {seed} --half {half} --on {on} --stream {stream} --round {number}"
            wrong = f"{again}: {error!r}\n{_where(error)}"
    counts["rounds"] += 1
    _tell({"counts": counts, **({"violation": wrong} if wrong else {})})
    return bool(wrong)


def _where(error: Exception) -> str:
    return "".join(traceback.format_exception(error))[-6000:]


def _tell(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
