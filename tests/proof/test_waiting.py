"""What waits for an admin's word is said where admins look: /readyz and the Home tab."""

import json
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.app.looks import Looks
from bot.app.policies import PolicyKeeper, Source
from bot.engine.proving import RESTORE
from bot.engine.restoring import CONFIRMED, REPORTED, UNKNOWN, Standing, standing
from bot.slack.home import HomeFacts, render_home
from bot.slack.words import Words
from bot.storage import store
from bot.storage.database import Database


def put(conn: Connection, *, restored: bool) -> None:
    """As a start and a sweep leave it."""
    if restored:
        store.set_setting(conn, RESTORE, json.dumps({"signed": 9, "log": 3}))
    store.set_setting(conn, f"{UNKNOWN}orders-pg:abc", REPORTED)
    store.set_setting(conn, f"{UNKNOWN}orders-pg:old", CONFIRMED)


def looks(database: Database) -> Looks:
    """The policy is not looked at here."""
    return Looks(database, PolicyKeeper(Source(Path("policy.yml"), dict)))


@pytest.mark.parametrize("restored", [True, False])
async def test_readyz_says_it_and_stays_ready(database: Database, *, restored: bool) -> None:
    """No reason to take the bot out of service: it ends what it knows."""
    quiet = await looks(database).restore()
    assert (quiet.ok, quiet.says, quiet.figures) == (True, "", None)

    await database.write(partial(put, restored=restored))
    found = await looks(database).restore()

    assert found.ok
    assert "curfew restore" in found.says
    assert ("older database" in found.says) == restored
    assert found.figures == {"unknown_marks": 1}


async def test_what_stands_there(database: Database) -> None:
    """Marks by what the log knows of them."""
    assert await database.read(standing) == Standing()
    await database.write(partial(put, restored=True))
    assert await database.read(standing) == Standing(9, 3, ("orders-pg:abc",), ("orders-pg:old",))


def page(restore: Standing) -> str:
    return json.dumps(render_home(Words(), HomeFacts(restore=restore)).to_dict())


def test_the_home_tab_has_a_banner() -> None:
    """For a restored database and for marks that nobody knows; none when nothing waits."""
    restored = page(Standing(signed=9, log=3, unknown=("pg:a", "pg:b")))
    assert "Restored database" in restored
    assert "3 lines and 9 were signed" in restored
    assert "2 marks at the providers are not in it" in restored
    strange = page(Standing(unknown=("pg:a",)))
    assert "1 mark at the providers" in strange
    assert "Restored" not in strange
    assert "curfew restore" not in page(Standing(known=("pg:old",), missing=("x",)))
