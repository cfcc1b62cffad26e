"""Access through a local program of the company's own: JSON in, JSON out, no shell.

Rules that this adapter keeps:

- One process a verb, with a fixed environment and nothing of the bot's own; the order comes by
  standard input, never by arguments, which every user of the machine could read.
- A call that is given up on kills the program and everything that it started, and waits for that.
- The exit code says what to do next: 0 done, 75 later (EX_TEMPFAIL of sysexits), all others no.
"""

import asyncio
import contextlib
import json
import os
import signal
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, SecretStr

from adapters import _json_protocol as protocol
from adapters._json_adapter import JsonAdapter, JsonSettings
from adapters.base import (
    AdapterError,
    Order,
    PendingError,
    ProviderSettings,
    RefusedError,
    UnreachableError,
)

LATER = 75
LOOK_AGAIN = 5.0
"""Seconds until a call that was taken on is repeated where the program does not say when."""
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


class CommandSettings(JsonSettings):
    """The provider's block. `can` is what the program promises beyond grant, revoke and verify."""

    program: Annotated[Path, AfterValidator(_absolute)]
    arguments: tuple[str, ...] = ()
    environment: dict[VariableName, SecretStr] = Field(default_factory=dict)
    at_once: int = Field(default=8, ge=1, le=50)


class CommandAdapter(JsonAdapter):
    """See the module."""

    kind: ClassVar[str] = "command"
    whose: ClassVar[str] = "the program"
    Settings: ClassVar[type[ProviderSettings]] = CommandSettings

    settings: CommandSettings

    def __init__(self, name: str, settings: CommandSettings, *, call_limit: float = 10.0) -> None:
        """As the base; at most `at_once` programs run at the same time."""
        super().__init__(name, settings, call_limit=call_limit)
        given = {key: value.get_secret_value() for key, value in settings.environment.items()}
        self._environment = {**ENVIRONMENT, **given}
        self._secrets = (*self._secrets, *filter(None, given.values()))
        self._turns = asyncio.Semaphore(settings.at_once)

    def makes(self, params: Mapping[str, Any]) -> str:
        """What only the other side knows; what it is told of it."""
        access = ", ".join(f"{key} {value}" for key, value in params["access"].items())
        return f"what {self.settings.program.name} makes of: {access or 'nothing further'}"

    def cleanup(self, order: Order) -> str:
        """The same call by hand."""
        asked = json.dumps({**protocol.order_json(order), "verb": "revoke"}, ensure_ascii=False)
        quoted = asked.replace("'", "'\\''")
        return f"printf '%s' '{quoted}' | {self.settings.program} revoke"

    # --- the program --------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        if missing := await asyncio.to_thread(_unusable, self.settings.program):
            return [missing]
        return await super()._probe()

    async def _send(self, verb: str, body: bytes) -> bytes:
        async with self._turns:
            code, answer, complaint = await self._run(verb, body)
        if code != 0:
            raise _meaning(code, answer, complaint)
        return answer

    async def _run(self, verb: str, given: bytes) -> tuple[int, bytes, bytes]:
        try:
            process = await asyncio.create_subprocess_exec(
                str(self.settings.program),
                *self.settings.arguments,
                verb,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise RefusedError(f"The program does not start: {error.strerror}.") from None
        try:
            return await _talk(process, given)
        finally:
            # Whatever it left running is of this call too; by now nobody waits for it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _talk(process: asyncio.subprocess.Process, given: bytes) -> tuple[int, bytes, bytes]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise UnreachableError("the program has no pipes")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()
    answer, complaint = await asyncio.gather(_drained(process.stdout), _drained(process.stderr))
    return await process.wait(), answer, complaint


async def _drained(stream: asyncio.StreamReader) -> bytes:
    """Its beginning; the rest is read too, so that the program is not held up by a full pipe."""
    kept = bytearray()
    while chunk := await stream.read(8192):
        kept += chunk[: max(0, protocol.ANSWER_LIMIT - len(kept))]
    return bytes(kept)


def _meaning(code: int, answer: bytes, complaint: bytes) -> AdapterError:
    """What an exit code other than 0 tells the caller to do."""
    last = complaint.decode(errors="replace").strip().splitlines()[-1:]
    fallback = protocol.printable(last[0]) if last else f"the program ended with code {code}"
    said = protocol.spoken(answer, fallback)
    if code < 0:
        return UnreachableError(f"the program was ended by signal {-code}")
    if code != LATER:
        return RefusedError(said)
    try:
        pause = protocol.Pause.model_validate_json(answer)
    except ValueError:
        return UnreachableError(said)
    if pause.pending:
        return PendingError(said, retry_after=pause.retry_after or LOOK_AGAIN)
    return UnreachableError(said, retry_after=pause.retry_after)


def _unusable(program: Path) -> str | None:
    """Why the program must not, or cannot, be run; one sentence with its remedy."""
    try:
        found = program.stat()
    except OSError:
        return f"There is no {program}. Install it, or correct `program`."
    if not os.access(program, os.X_OK):
        return f"{program} cannot be run. Run: chmod +x {program}"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"Others can change {program}. Run: chmod go-w {program}"
    return None
