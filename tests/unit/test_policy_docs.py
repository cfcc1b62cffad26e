"""The example policy and the guide agree with the schema."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from adapters.base import Adapter
from adapters.demo import DemoAdapter
from adapters.postgres import PostgresAdapter
from adapters.registry import UnusableAdapterError
from bot.config.policy_file import load
from bot.config.schema import PolicyFile, ProviderBlock, ResourceBlock
from bot.domain import defaults
from bot.domain.command import COMMAND_WORDS
from bot.domain.durations import compact

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/policy.md").read_text()
KINDS: dict[str, type[Adapter]] = {"demo": DemoAdapter, "postgres": PostgresAdapter}


def kinds(kind: str) -> type[Adapter]:
    if kind not in KINDS:
        raise UnusableAdapterError(f"There is no adapter called {kind}.", hint="")
    return KINDS[kind]


def test_the_example_is_right(tmp_path: Path) -> None:
    """The example policy is accepted by the real adapters, without a warning."""
    path = tmp_path / "policy.yml"
    path.write_text((ROOT / "policy.example.yml").read_text())
    path.chmod(0o600)
    dsn = "postgresql://curfew_admin:secret@localhost/orders"
    loaded = load(path, kinds=kinds, environ={"ORDERS_ADMIN_DSN": dsn})

    assert loaded.problems == loaded.warnings == ()
    assert loaded.policy is not None
    assert set(loaded.policy.resources) == {"prod-db", "prod-db-write"}


def blocks(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """The model and every block below it."""
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        for found in models_in(field.annotation):
            yield from blocks(found, seen)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


BLOCKS = list(blocks(PolicyFile, set()))


@pytest.mark.parametrize("model", BLOCKS, ids=lambda model: model.__name__)
def test_the_guide_names_every_key(model: type[BaseModel]) -> None:
    """Each key of each block stands in a table of the guide."""
    rows = [row for row in GUIDE.splitlines() if row.startswith("| ")]
    documented = {word for row in rows for word in re.findall(r"`([a-z_]+)`", row)}

    assert ResourceBlock in BLOCKS
    assert ProviderBlock in BLOCKS
    assert set(model.model_fields) <= documented


def test_the_guide_names_no_other_key() -> None:
    """The first column of the tables of keys holds keys only."""
    known = {key for model in BLOCKS for key in model.model_fields}
    tables = re.findall(r"\| key \|.*\n\|---.*\n((?:\|.*\n)+)", GUIDE)
    named = {
        word
        for table in tables
        for row in table.splitlines()
        for word in re.findall(r"`([a-z_]+)`", row.split("|")[1])
    }

    assert len(named) > 30
    assert named <= known


def test_the_guide_tells_the_built_in_values() -> None:
    """The built-in defaults of the guide are those of the code."""
    for key in ("duration", "max_duration", "decide_within", "remind_after", "warn_before"):
        value = compact(getattr(defaults, key.upper()))
        assert re.search(rf"^\| `{key}` \|.*\| `{value}` \|$", GUIDE, re.MULTILINE), key
    assert f"`{{min_length: {defaults.REASON_LENGTH}}}`" in GUIDE
    assert f"| `{defaults.APPROVALS}` |" in GUIDE
    assert all(f"`{word}`" in GUIDE for word in COMMAND_WORDS)
