"""A person's words can be forgotten, everywhere, and the log is as whole as before."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.domain.errors import RefusalError
from bot.domain.forgetting import forgotten
from bot.domain.grant import Grant, State, altered
from bot.domain.record import NoticeKind
from bot.domain.replay import ERASED
from bot.engine import erasing
from bot.engine.erasing import Erasing
from bot.engine.ledger import Ledger
from bot.engine.ports import PostLaterError
from bot.engine.verifying import prove
from bot.storage import store
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, MINUTE, OMAR, Office, office
from tests.storage.samples import make_grant


def name() -> str:
    return f"pg-{secrets.token_hex(4)}"


TABLES = ("grants", "events", "notices", "postings", "settings", "checkpoints", "seen")


async def everything(database: Database, tables: Iterable[str] = TABLES) -> str:
    """All that the tables hold, as one text."""

    def read(conn: Connection) -> str:
        rows: Iterable[object] = (
            row for table in tables for row in conn.execute(text(f"SELECT * FROM {table}"))
        )
        return "\n".join(map(str, rows))

    return await database.read(read)


async def ended(here: Office, who: str, reason: str) -> Grant:
    """A grant that was extended by request and revoked, with words at every step."""
    grant = await here.ask(who, reason=reason, duration=30 * MINUTE)
    await here.engine.service.vote(MAYA, grant.id)
    await here.until(grant.id, State.ACTIVE)
    await here.engine.service.extend(who, grant.id, 10 * MINUTE, reason=f"more {reason}")
    await here.engine.service.revoke(MAYA, grant.id, reason="words of Maya")
    return await here.until(grant.id, State.ENDED)


async def test_nothing_of_a_person_is_left(database: Database) -> None:
    """Words, name and address are in no table; ids stay, the log is proven, rows replay."""
    async with office(database, provider=name()) as here:
        mine = await ended(here, DANA, "a secret of Dana")
        other = await ended(here, OMAR, "a matter of Omar")
        before = await everything(database)
        assert "a secret of Dana" in before
        assert "dana@example.com" in before

        done = await Erasing(here.engine.ledger).erase(DANA, operator="root")

        left = await everything(database)
        for word in ("a secret of Dana", "dana@example.com", '"Dana"'):
            assert word not in left
        assert "a matter of Omar" in left
        assert "omar@example.com" in left
        assert DANA in left
        row = await here.grant(mine.id)
        assert (row.reason, row.order.person.email, row.order.person.user) == (ERASED, None, DANA)
        assert row == forgotten(mine)
        assert await here.grant(other.id) == other
        assert done.grants == 1
        assert (await prove(database)).fault is None
        assert (await here.kinds(mine.id))[-1] == "texts.erased"
        assert (await here.log())[-1].kind.value == "person.erased"
        await here.check()


async def test_words_about_the_access_of_others(database: Database) -> None:
    """What an approver wrote goes with the approver; what the requester wrote beside it stays."""
    async with office(database, provider=name()) as here:
        grant = await ended(here, DANA, "the reason of Dana")
        await Erasing(here.engine.ledger).erase(MAYA, operator="root")

        left = await everything(database)
        assert "words of Maya" not in left
        assert "the reason of Dana" in left
        assert await here.grant(grant.id) == grant
        assert (await prove(database)).fault is None


async def test_not_while_something_is_live(database: Database) -> None:
    """Who has access, or waits for it, is refused, and nothing is changed."""
    async with office(database, provider=name()) as here:
        await ended(here, DANA, "an old matter")
        live = await here.ask(DANA)
        before = await everything(database, ("grants", "events"))
        traces = await Erasing(here.engine.ledger).look(DANA)
        assert (traces.live, traces.grants) == ((live.id,), 1)

        with pytest.raises(RefusalError, match=live.id):
            await Erasing(here.engine.ledger).erase(DANA, operator="root")

        assert await everything(database, ("grants", "events")) == before


async def test_twice_is_the_same_as_once(database: Database) -> None:
    """A second call finds nothing, writes nothing."""
    async with office(database, provider=name()) as here:
        await ended(here, DANA, "a secret")
        await Erasing(here.engine.ledger).erase(DANA, operator="root")
        length = len(await here.log())
        again = await Erasing(here.engine.ledger).erase(DANA, operator="root")

        assert (again.grants, again.lines) == (0, 0)
        assert len(await here.log()) == length


async def test_more_grants_than_one_transaction_takes(database: Database) -> None:
    """Page after page, each with its lines; none is left out or told twice."""
    count = erasing.PAGE + 3
    made = [
        make_grant(
            state=State.DENIED, next_at=None, requester=DANA, last_error="no such login: dana.d"
        )
        for _ in range(count)
    ]

    def put(conn: Connection) -> None:
        for grant in made:
            store.insert_grant(conn, grant)

    await database.write(put)
    async with office(database, provider=name()) as here:
        here.skip_replay = True  # rows that no event tells of
        done = await Erasing(here.engine.ledger).erase(DANA, operator="root")
        told = [line.grant_id for line in await here.log() if line.kind.value == "texts.erased"]

        assert done.grants == count
        assert sorted(filter(None, told)) == sorted(grant.id for grant in made)
        left = await everything(database)
        assert "dana@example.com" not in left
        assert "dana.d" not in left


def content(file: Path) -> bytes:
    return file.read_bytes()


def denied(here: Office, grant: Grant) -> bool:
    """The message about the denial was told."""
    told = {(one.notice.grant_id, one.notice.kind) for one in here.postbox.told}
    return (grant.id, NoticeKind.DM_DECIDED) in told


async def test_what_waits_to_be_told_forgets_as_well(database: Database) -> None:
    """A message that Slack did not take yet is told without the words, whoever of the two goes."""
    async with office(database, provider=name()) as here:
        for gone in (DANA, MAYA):
            here.postbox.trouble = lambda _: PostLaterError("Slack is away")
            grant = await here.ask(DANA, reason="a secret of Dana")
            await here.engine.service.deny(MAYA, grant.id, reason="a word of Maya")
            await Erasing(Ledger(database)).erase(gone, operator="root")
            here.postbox.trouble = lambda _: None
            here.pass_time(MINUTE)
            await here.wait(partial(denied, here, grant))
            assert "a word of Maya" not in repr(here.postbox.told)


async def test_the_file_forgets_as_well(sqlite_url: str) -> None:
    """SQLite's file holds no word of it any more, not even in the space that was freed."""
    file = Path(sqlite_url.removeprefix("sqlite+aiosqlite:///"))
    async with (
        await Database.open(sqlite_url, exclusive=True) as database,
        office(database, provider=name()) as here,
    ):
        grant = await here.ask(DANA, reason="a secret of Dana")
        await here.engine.service.deny(MAYA, grant.id, reason="a word of Maya")
    assert b"a secret of Dana" in content(file)
    async with await Database.open(sqlite_url, exclusive=True) as database:
        await Erasing(Ledger(database)).erase(DANA, operator="root")
    left = content(file)
    assert b"a secret of Dana" not in left
    assert b"a word of Maya" not in left
    assert b"dana@example.com" not in left


async def test_who_is_called_so(database: Database) -> None:
    """An address leads to the ids under which it asked, in whatever case it is typed."""
    people = [("U1", "Dana@Example.com"), ("U2", "omar@example.com"), ("U3", "dana@example.com")]

    def put(conn: Connection) -> None:
        for user, email in people:
            grant = make_grant(requester=user)
            person = replace(grant.order.person, user=user, email=email)
            order = replace(grant.order, person=person)
            store.insert_grant(conn, altered(grant, order=order))

    await database.write(put)
    found = await database.read(lambda conn: store.requesters_called(conn, "DANA@example.com"))
    assert found == ["U1", "U3"]
    assert await database.read(lambda conn: store.requesters_called(conn, "%@example.com")) == []
