"""What only PostgreSQL has: ownership, several databases, rights that differ by version."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import AsyncConnection, sql
from pydantic import SecretStr

from adapters.base import Credential, Order, Presence, RefusedError, UnreachableError
from adapters.postgres import PostgresAdapter, PostgresSettings
from sandbox.postgres import EmbeddedPostgres
from tests.conformance.postgres_ground import ADMIN_PASSWORD, PostgresGround


@pytest.fixture
async def ground(postgres: EmbeddedPostgres) -> AsyncIterator[PostgresGround]:
    made = PostgresGround(postgres, "temporary")
    before = await made.inventory()
    yield made
    await made.clear()
    after = await made.inventory()
    assert after - before == frozenset()
    assert before - after == frozenset()


@pytest.fixture
async def adapter(ground: PostgresGround) -> AsyncIterator[PostgresAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


async def logged_in(credential: Credential, database: str = "orders") -> AsyncConnection:
    dsn = credential.snippets[0].text.replace("/orders", f"/{database}")
    return await AsyncConnection.connect(dsn, autocommit=True)


async def write_order(ground: PostgresGround, **extra: object) -> Order:
    order = ground.order(1)
    return replace(order, params={**order.params, **extra})


async def owner_of(ground: PostgresGround, table: str, database: str) -> list[str]:
    query = f"SELECT tableowner FROM pg_tables WHERE tablename = '{table}'"
    return await ground.root(query, db=database)


async def test_the_server_ends_it_by_itself_at_the_end(
    ground: PostgresGround, adapter: PostgresAdapter
) -> None:
    """Its own end is never before the grant's, and ten seconds after it at most."""
    order = ground.order(1)
    await adapter.grant(order)
    role = order.mark_underscored
    late = f"extract(epoch FROM rolvaliduntil - '{order.expires_at.isoformat()}'::timestamptz)"
    query = f"SELECT {late} BETWEEN 0 AND 10 FROM pg_roles WHERE rolname = '{role}'"
    assert await ground.root(query) == ["(True,)"]
    await adapter.revoke(order)


async def test_what_a_login_made_survives_it(
    ground: PostgresGround, adapter: PostgresAdapter
) -> None:
    """Tables, functions and rights made in two databases go to the first role, data and all."""
    order = await write_order(ground)
    await adapter.grant(order)
    credential = await adapter.issue(order)
    for database in ("orders", "stock"):
        async with await logged_in(credential, database) as person:
            await person.execute(
                "CREATE TABLE repaired AS SELECT 42 AS answer;"
                "CREATE FUNCTION repair() RETURNS int LANGUAGE sql AS 'SELECT 1';"
                "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app_readonly"
            )
    role = sql.Identifier(order.mark_underscored)
    await ground.root(
        sql.SQL("GRANT CONNECT ON DATABASE stock TO {}").format(role),
        sql.SQL("GRANT app_readonly TO {}").format(role),
    )
    await ground.root(sql.SQL("GRANT DELETE ON orders TO {}").format(role), db="stock")
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    for database in ("orders", "stock"):
        assert await owner_of(ground, "repaired", database) == ["('app_owner',)"]
        assert await ground.root("SELECT answer FROM repaired", db=database) == ["(42,)"]
        await ground.root("DROP TABLE repaired; DROP FUNCTION repair()", db=database)


async def test_rights_that_we_cannot_take_back_are_named(
    ground: PostgresGround, adapter: PostgresAdapter
) -> None:
    """A right that a superuser gave the login on things of their own needs them to take it back."""
    order = ground.order()
    await adapter.grant(order)
    role = sql.Identifier(order.mark_underscored)
    await ground.root(sql.SQL("GRANT SELECT ON pg_authid TO {}").format(role))
    with pytest.raises(RefusedError, match="privileges for table pg_authid"):
        await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.PARTIAL
    await ground.root(sql.SQL("DROP OWNED BY {}").format(role))
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT


@pytest.mark.parametrize("heir", ["named", "gone"])
async def test_the_heir_can_be_named_and_may_be_gone(
    ground: PostgresGround, adapter: PostgresAdapter, heir: str
) -> None:
    """`owner` gets what a login owned; when it was dropped meanwhile, the admin role does."""
    owner = "app_readonly" if heir == "named" else "dropped_long_ago"
    expected = "app_readonly" if heir == "named" else "curfew_admin"
    order = await write_order(ground, owner=owner)
    await adapter.grant(order)
    async with await logged_in(await adapter.issue(order)) as person:
        await person.execute("CREATE TABLE kept AS SELECT 1")
    await adapter.revoke(order)
    assert await owner_of(ground, "kept", "orders") == [f"('{expected}',)"]
    await ground.root("DROP TABLE kept", db="orders")


async def test_the_door_is_shut_before_anything_else(ground: PostgresGround) -> None:
    """While cleaning up is held up, nobody can log in; when it is not any more, it completes."""
    order = await write_order(ground)
    adapter = ground.connect(call_limit=2.0)
    await adapter.grant(order)
    credential = await adapter.issue(order)
    person = await logged_in(credential)
    await person.execute("CREATE TABLE busy AS SELECT 1")
    async with await AsyncConnection.connect(ground.postgres.dsn(db="orders")) as root:
        await root.execute("LOCK TABLE busy IN ACCESS SHARE MODE")
        with pytest.raises(UnreachableError, match=r"orders cannot be cleaned: .*lock"):
            await adapter.revoke(order)
        assert await adapter.verify(order) is Presence.PARTIAL
        assert not await ground.admits(order, credential)
        with pytest.raises(psycopg.OperationalError):
            await person.execute("SELECT 1")
        with pytest.raises(RefusedError, match="no access"):
            await adapter.issue(order)
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    await ground.root("DROP TABLE busy", db="orders")
    await adapter.aclose()


async def test_a_late_grant_changes_nothing(ground: PostgresGround) -> None:
    """A statement that a frozen server reads after we gave up on it makes no login."""
    adapter = ground.connect(call_limit=0.5)
    order = ground.order()
    await adapter.verify(order)  # a warm connection: the statement is in its buffer when it thaws
    ground.postgres.freeze()
    try:
        with pytest.raises(UnreachableError):
            await adapter.grant(order)
    finally:
        ground.postgres.thaw()
    # every backend of that time is through with what it read when none of the admin's is left
    async with asyncio.timeout(10):
        query = "SELECT 1 FROM pg_stat_activity WHERE usename = 'curfew_admin'"
        while await ground.root(query):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)
    log = (ground.postgres.home / "log").read_text()
    assert log.count(f'ROLE "{order.mark_underscored}"') >= 1, "the server never read it"
    assert (
        await ground.root(f"SELECT 1 FROM pg_roles WHERE rolname = '{order.mark_underscored}'")
        == []
    )


async def test_databases_come_and_go_meanwhile(
    ground: PostgresGround, adapter: PostgresAdapter
) -> None:
    """A database dropped with what a login had in it is no obstacle; a new one is found."""
    await ground.root("CREATE DATABASE brief OWNER app_owner")
    order = await write_order(ground)
    await adapter.grant(order)
    credential = await adapter.issue(order)
    await ground.root("GRANT CREATE ON SCHEMA public TO app_owner", db="brief")
    async with await logged_in(credential, "brief") as person:
        await person.execute("CREATE TABLE here AS SELECT 1")
    drop = ground.root("DROP DATABASE brief WITH (FORCE)")
    outcome, _ = await asyncio.gather(adapter.revoke(order), drop, return_exceptions=True)
    assert outcome is None or isinstance(outcome, UnreachableError)  # cut off while in there
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT


async def test_a_closed_database_is_named(ground: PostgresGround, adapter: PostgresAdapter) -> None:
    """What lies where the admin may not go is refused with the way out, which then works."""
    await ground.root("CREATE DATABASE closed OWNER app_owner")
    await ground.root("GRANT CREATE ON SCHEMA public TO app_owner", db="closed")
    order = await write_order(ground)
    await adapter.grant(order)
    async with await logged_in(await adapter.issue(order), "closed") as person:
        await person.execute("CREATE TABLE here AS SELECT 1")
    await ground.root("ALTER DATABASE closed ALLOW_CONNECTIONS false")
    with pytest.raises(RefusedError, match=r"closed takes no connections.*ALLOW_CONNECTIONS true"):
        await adapter.revoke(order)
    await ground.root(
        "ALTER DATABASE closed ALLOW_CONNECTIONS true",
        "REVOKE CONNECT ON DATABASE closed FROM PUBLIC, app_owner",
        "ALTER DATABASE closed OWNER TO postgres",
    )
    with pytest.raises(RefusedError, match="closed cannot be cleaned"):
        await adapter.revoke(order)
    await run_remedies(ground, await adapter.probe())
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    await ground.root("DROP DATABASE closed")


async def run_remedies(ground: PostgresGround, problems: list[str]) -> None:
    assert problems
    for problem in problems:
        found = re.search(r"Run: (.+;)$", problem)
        assert found, problem
        await ground.root(found[1])


async def test_each_missing_right_is_found_and_its_line_mends_it(
    ground: PostgresGround, adapter: PostgresAdapter
) -> None:
    """The probe names every right that the admin lacks, and running its SQL makes it content."""
    await ground.root("CREATE ROLE bare_admin LOGIN PASSWORD 'word' NOINHERIT")
    await ground.root("REVOKE CONNECT ON DATABASE stock FROM PUBLIC")
    await adapter.grant(order := ground.order())
    dsn = SecretStr(ground.postgres.dsn("bare_admin", "word"))
    bare = PostgresAdapter("bare", PostgresSettings(dsn=dsn))
    blocks = [ground.block(0), ground.block(1), {"roles": ["app_new"]}]
    found = await bare.probe(blocks)
    said = " ".join(found)
    assert "may not create roles" in said
    assert '"stock"' in said
    assert "no role app_new" in said
    assert "app_owner" in said
    assert ("another admin role" in said) is (ground.major >= 16)
    assert ("does not inherit" in said) is (ground.major < 16)
    await run_remedies(ground, found)
    await run_remedies(ground, await bare.probe(blocks))  # app_new exists now, and is not ours yet
    assert await bare.probe(blocks) == []
    another = ground.order(1)
    await bare.grant(another)
    await bare.revoke(another)
    await bare.revoke(order)
    await bare.aclose()
    await ground.root("GRANT CONNECT ON DATABASE stock TO PUBLIC")
    for database in ("stock", "postgres"):
        await ground.root("DROP OWNED BY bare_admin CASCADE", db=database)
    await ground.root("DROP ROLE bare_admin, app_new")


async def test_unknown_roles_and_people_are_named(
    ground: PostgresGround, adapter: PostgresAdapter
) -> None:
    """A role that is not there is refused by its name, and nothing is made."""
    order = ground.order()
    unknown = replace(order, params={"roles": ["app_readonly", "app_typo"]})
    with pytest.raises(RefusedError, match="no role app_typo"):
        await adapter.grant(unknown)
    assert await adapter.verify(unknown) is Presence.ABSENT
    stranger = replace(order, params={"roles": ["app_readonly"], "login": "existing"})
    stranger = replace(stranger, person=replace(order.person, names={}))
    with pytest.raises(RefusedError, match=r"no role dana@example\.com"):
        await adapter.grant(stranger)
    await adapter.revoke(stranger)
    assert await adapter.verify(stranger) is Presence.ABSENT


async def test_who_has_no_login_is_told_what_to_do(
    ground: PostgresGround, adapter: PostgresAdapter
) -> None:
    """A role that cannot log in is no login; a temporary login needs none; a bad name is named."""
    existing = PostgresGround(ground.postgres, "existing").order()
    role = replace(existing, person=replace(existing.person, names={"postgres": "app_owner"}))
    said = await adapter.counterpart(role)
    assert said is not None
    assert "no login app_owner in orders-pg" in said
    ours = replace(role, person=replace(role.person, names={"postgres": "curfew_0123456789ab"}))
    said = await adapter.counterpart(ours)
    assert said is not None
    assert "cannot be a person's login" in said
    unknown = replace(role, person=replace(role.person, names={}, email=None))
    said = await adapter.counterpart(unknown)
    assert said is not None
    assert "people: block can say it" in said
    assert await adapter.counterpart(replace(role, params=dict(ground.block()))) is None


async def test_what_others_gave_meanwhile_is_not_taken(ground: PostgresGround) -> None:
    """The same membership given by somebody else while ours lasts stays, and a human is told."""
    if ground.major < 16:
        pytest.skip("before 16 a membership is one, whoever gives it")
    existing = PostgresGround(ground.postgres, "existing")
    adapter = existing.connect()
    order = existing.order()
    await adapter.grant(order)
    await existing.hold(order)
    with pytest.raises(RefusedError, match="postgres gave it too"):
        await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.PRESENT
    assert await existing.admits(order, None)
    await existing.release(order)
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    await adapter.aclose()


async def test_a_membership_ends_in_open_sessions_too(ground: PostgresGround) -> None:
    """From 16 on nobody can sit in the role with SET ROLE, so an open session loses it at once."""
    if ground.major < 16:
        pytest.skip("before 16 a session that did SET ROLE keeps the role")
    existing = PostgresGround(ground.postgres, "existing")
    adapter = existing.connect()
    order = existing.order()
    await adapter.grant(order)
    dsn = ground.postgres.dsn("dana", "dana-word", "orders")
    async with await AsyncConnection.connect(dsn, autocommit=True) as person:
        await person.execute("SELECT * FROM orders")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await person.execute("SET ROLE app_readonly")
        await adapter.revoke(order)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await person.execute("SELECT * FROM orders")
    await adapter.aclose()


async def test_memberships_need_less(ground: PostgresGround) -> None:
    """From 16 on an admin role that gives memberships only need not have the roles' own rights."""
    if ground.major < 16:
        pytest.skip("before 16 CREATEROLE is enough")
    await ground.root(
        "CREATE ROLE giver LOGIN PASSWORD 'word'",
        "GRANT app_readonly TO giver WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
    )
    existing = PostgresGround(ground.postgres, "existing")
    dsn = SecretStr(ground.postgres.dsn("giver", "word"))
    adapter = PostgresAdapter("orders-pg", PostgresSettings(dsn=dsn))
    order = existing.order()
    await adapter.grant(order)
    assert await existing.admits(order, None)
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    await adapter.aclose()
    await ground.root("DROP ROLE giver")


async def test_a_superuser_can_be_the_admin(ground: PostgresGround) -> None:
    """More rights than needed do no harm: the whole life of a login, found content by the probe."""
    adapter = PostgresAdapter("orders-pg", PostgresSettings(dsn=SecretStr(ground.postgres.dsn())))
    assert await adapter.probe([ground.block(0), ground.block(1)]) == []
    order = ground.order(1)
    await adapter.grant(order)
    credential = await adapter.issue(order)
    async with await logged_in(credential) as person:
        await person.execute("CREATE TABLE made AS SELECT 1")
        await adapter.revoke(order)
    assert not await ground.admits(order, credential)
    assert await adapter.verify(order) is Presence.ABSENT
    await adapter.aclose()
    await ground.root("DROP TABLE made", db="orders")


async def test_a_crowd_shares_few_connections(ground: PostgresGround) -> None:
    """Two hundred grants at once use no more connections than the provider's block says."""
    dsn = SecretStr(ground.postgres.dsn("curfew_admin", ADMIN_PASSWORD))
    adapter = PostgresAdapter("orders-pg", PostgresSettings(dsn=dsn, connections=3))
    orders = [ground.order() for _ in range(200)]
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'curfew_admin'"
    work = asyncio.gather(*(adapter.grant(order) for order in orders))
    seen = set()
    while not work.done():
        seen.add((await ground.root(query))[0])
    await work
    assert max(int(row.strip("(,)")) for row in seen) in {1, 2, 3}
    await asyncio.gather(*(adapter.revoke(order) for order in orders))
    assert await adapter.owned() == frozenset()
    await adapter.aclose()


async def test_no_password_reaches_the_server(
    ground: PostgresGround, adapter: PostgresAdapter
) -> None:
    """The server logs every statement here, and none of them holds a password."""
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    found = re.search(r":([^:@]+)@", credential.snippets[0].text)
    assert found
    await adapter.revoke(order)
    log = (ground.postgres.home / "log").read_text()
    assert f'ALTER ROLE "{order.mark_underscored}" PASSWORD' in log
    assert found[1] not in log
