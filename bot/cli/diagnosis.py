"""Looking at everything outside, one part after the other, all problems told at once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Final

from adapters.base import Adapter, AdapterError
from bot.app.policies import PolicyError, Source, read_policy
from bot.app.shelf import EMPTY, Shelf
from bot.app.slack_side import check_tokens
from bot.cli.edge import AnswerIsNoError
from bot.cli.ground import quiet
from bot.config.audit_key import load_or_make
from bot.config.errors import ConfigurationError
from bot.config.problems import render_problems
from bot.config.settings import Mode, Settings, environment, read_settings
from bot.domain.policy import Policy
from bot.slack.client import open_client
from bot.slack.headcount import count_people
from bot.slack.people import People
from bot.slack.words import Words, WordsError
from bot.slack.workspace import Workspace
from bot.storage.database import Database
from bot.storage.errors import SchemaError, StorageError

PATIENCE: Final = 20.0
"""Seconds for one provider, all its rights together."""


NO_ANSWERS: Final = {"away", "token", "scope"}
"""What is wrong with Slack when asking it for people would only say so again."""


@dataclass(frozen=True, slots=True)
class _Fixed:
    """The policy that is looked at."""

    current: Policy


@dataclass(frozen=True, slots=True)
class Ill:
    """What is wrong with a part, and what to do. `grave` keeps Curfew from its work."""

    says: str
    hint: str = ""
    grave: bool = True


def examine() -> None:
    """Raises `AnswerIsNoError` when something grave is wrong."""
    quiet()
    grave = asyncio.run(_examine(read_settings()))
    if grave:
        raise AnswerIsNoError(f"{grave} {'thing is' if grave == 1 else 'things are'} wrong.")


async def _examine(settings: Settings) -> int:
    """How much is gravely wrong."""
    grave = 0
    async for name, ills in _parts(settings):
        grave += sum(ill.grave for ill in ills)
        verdict = "wrong" if any(ill.grave for ill in ills) else "look" if ills else "ok"
        sys.stdout.write(f"{verdict:6} {name}\n")
        for ill in ills:
            sys.stdout.write(indent(ill.says, " " * 7) + "\n")
            if ill.hint:
                sys.stdout.write(f"         -> {ill.hint}\n")
        sys.stdout.flush()
    return grave


async def _parts(settings: Settings) -> AsyncIterator[tuple[str, list[Ill]]]:
    try:
        policy = await asyncio.to_thread(read_policy, Source(settings.policy, environment))
    except PolicyError as error:
        yield f"policy {settings.policy}", [Ill(render_problems(error.problems))]
        policy = None
    else:
        yield f"policy {settings.policy}", []
    if settings.templates is not None:
        yield f"templates {settings.templates}", _templates(settings.templates)
    yield "database", await _database(settings)
    yield f"audit key {settings.audit_key}", _audit_key(settings)
    if settings.mode is Mode.DEMO:
        yield "Slack", [Ill("No Slack tokens are set.", "Set them: see .env.example.", grave=False)]
    elif policy is not None:
        yield f"Slack ({settings.mode.value} mode)", await _slack(settings, policy)
    if policy is None:
        return
    try:
        shelf = EMPTY.restocked(policy)
    except ConfigurationError as error:
        yield "providers", [Ill(error.message, " ".join(error.hints))]
        return
    for name in sorted(shelf.adapters):
        yield f"provider {name}", await _provider(policy, shelf, name)


def _templates(directory: Path) -> list[Ill]:
    try:
        Words(directory)
    except WordsError as error:
        return [Ill(error.message, " ".join(error.hints))]
    return []


async def _database(settings: Settings) -> list[Ill]:
    try:
        async with await Database.open(settings.database_url.get_secret_value()) as database:
            await database.ping()
    except SchemaError as error:
        return [Ill(error.message, error.hint)]
    except StorageError as error:
        return [Ill(error.message, error.hint)]
    return []


def _audit_key(settings: Settings) -> list[Ill]:
    if not settings.audit_key.exists():
        return [Ill("There is none yet.", "The first `curfew run` makes it.", grave=False)]
    try:
        load_or_make(settings.audit_key)
    except ConfigurationError as error:
        return [Ill(error.message, " ".join(error.hints))]
    return []


async def _slack(settings: Settings, policy: Policy) -> list[Ill]:
    token = settings.slack_bot_token
    if token is None:
        return []
    async with open_client(token.get_secret_value(), settings.slack_api_url) as client:
        found = await check_tokens(client, policy, settings)
        if not any(one.code in NO_ANSWERS for one in found):
            people = People(client, Workspace(client), _Fixed(policy))
            found += await count_people(people, policy)
            await people.close()
    return [Ill(one.message, one.hint, grave=one.fatal) for one in found]


async def _provider(policy: Policy, shelf: Shelf, name: str) -> list[Ill]:
    adapter: Adapter = shelf.adapters[name]
    blocks = [one.grant for one in policy.resources.values() if one.provider.name == name]
    try:
        async with asyncio.timeout(PATIENCE):
            missing = await adapter.probe(blocks)
    except AdapterError as error:
        return [Ill(f"{adapter.clean(error)}.".replace("..", "."))]
    except TimeoutError:
        return [Ill(f"It did not answer within {PATIENCE:g} s.")]
    finally:
        await adapter.aclose()
    return [Ill(sentence) for sentence in missing]
