"""What only MySQL has: hosts and patterns in names, TLS, rights that open connections keep."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest
from pydantic import ValidationError

from adapters import _mysql_life as life
from adapters._mysql_dialect import MARIADB, dialect_of, number_of
from adapters._mysql_link import Connection
from adapters.base import Credential, Presence, RefusedError, UnreachableError
from adapters.mysql import MysqlAdapter, MysqlParams, MysqlSettings
from tests.conformance.certificates import Authority
from tests.conformance.mariadb import MariaDB
from tests.conformance.mysql_ground import ADMIN_PASSWORD, MysqlGround, login


@pytest.fixture
async def ground(mariadb: MariaDB) -> AsyncIterator[MysqlGround]:
    made = MysqlGround(mariadb)
    before = await made.inventory()
    yield made
    assert await made.inventory() == before


@pytest.fixture
async def adapter(ground: MysqlGround) -> AsyncIterator[MysqlAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


async def readable(ground: MysqlGround, credential: Credential) -> set[str]:
    """The databases whose orders this login can read."""
    found = set()
    with ground.open(*login(credential)) as person, person.cursor() as cursor:
        for name in ("shop", "shop_eu", "shopXeu"):
            try:
                cursor.execute(f"SELECT * FROM {name}.orders")
            except pymysql.OperationalError:
                continue
            found.add(name)
    return found


async def test_a_name_is_no_pattern(ground: MysqlGround, adapter: MysqlAdapter) -> None:
    """Rights on shop_eu reach no database whose name only fits shop_eu as a pattern."""
    order = ground.order(1)
    await adapter.grant(order)
    assert await readable(ground, await adapter.issue(order)) == {"shop_eu"}
    await adapter.revoke(order)


async def test_role_and_rights_go_together(ground: MysqlGround, adapter: MysqlAdapter) -> None:
    """Both work at once, without the person switching anything on; a table's right stays there."""
    params = {"role": "app_readonly", "rights": {"shop_eu.orders": ["SELECT"]}}
    order = replace(ground.order(), params=params)
    await ground.root(
        "GRANT SELECT ON shop_eu.orders TO curfew_admin@'%' WITH GRANT OPTION",
        "CREATE TABLE shop_eu.secret AS SELECT 1",
    )
    await adapter.grant(order)
    assert await adapter.verify(order) is Presence.PRESENT
    credential = await adapter.issue(order)
    assert await readable(ground, credential) == {"shop", "shop_eu"}
    with ground.open(*login(credential)) as person, pytest.raises(pymysql.OperationalError):
        person.query("SELECT * FROM shop_eu.secret")
    await adapter.revoke(order)
    await ground.root(
        "DROP TABLE shop_eu.secret",
        "REVOKE ALL ON shop_eu.orders FROM curfew_admin@'%'",
        "REVOKE GRANT OPTION ON shop_eu.orders FROM curfew_admin@'%'",
    )


async def test_half_an_account_is_no_access(ground: MysqlGround, adapter: MysqlAdapter) -> None:
    """What a cut-off grant or revoke leaves is partial, opens to nobody, and is completed."""
    order = ground.order()
    who = f"'{order.mark_underscored}'@'%'"
    await ground.root(f"CREATE USER {who} IDENTIFIED VIA mysql_native_password USING 'invalid'")
    assert await adapter.verify(order) is Presence.PARTIAL
    await adapter.grant(order)
    assert await adapter.verify(order) is Presence.PRESENT
    await ground.root(f"ALTER USER {who} ACCOUNT LOCK")
    assert await adapter.verify(order) is Presence.PARTIAL
    with pytest.raises(RefusedError, match="no access"):
        await adapter.issue(order)
    await adapter.grant(order)
    assert await ground.admits(order, await adapter.issue(order))
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT


async def test_an_account_at_a_former_host_is_found(
    ground: MysqlGround, adapter: MysqlAdapter
) -> None:
    """When `logins_from` was changed while access was there, it is seen and taken away still."""
    order = ground.order()
    await adapter.grant(order)
    with ground.open(*login(await adapter.issue(order))) as person:
        moved = MysqlAdapter("shop-db", ground.settings(logins_from="127.0.0.%"))
        assert await moved.verify(order) is Presence.PRESENT
        await moved.revoke(order)
        with pytest.raises(pymysql.MySQLError):
            person.query("SELECT 1")
    assert await moved.verify(order) is Presence.ABSENT
    await moved.aclose()


async def test_a_session_without_its_account_is_not_gone(
    ground: MysqlGround, adapter: MysqlAdapter
) -> None:
    """Somebody who dropped the account left its session; it is seen, and ended by a revoke."""
    order = ground.order()
    await adapter.grant(order)
    with ground.open(*login(await adapter.issue(order))) as person:
        await ground.root(f"DROP USER '{order.mark_underscored}'@'%'")
        assert await adapter.verify(order) is Presence.PARTIAL
        await adapter.revoke(order)
        assert await adapter.verify(order) is Presence.ABSENT
        with pytest.raises(pymysql.MySQLError):
            person.query("SELECT 1")


async def test_a_look_alike_s_session_is_let_alone(
    ground: MysqlGround, adapter: MysqlAdapter
) -> None:
    """The server's list of sessions compares names without regard to case; we do not."""
    order = ground.order()
    await adapter.grant(order)
    name = order.mark_underscored.upper()
    await ground.root(f"CREATE USER '{name}'@'%' IDENTIFIED BY 'word'")
    with ground.open(name, "word") as stranger:
        assert await adapter.sessions(order) == ()
        await adapter.revoke(order)
        stranger.query("SELECT 1")
        assert await adapter.verify(order) is Presence.ABSENT
    await ground.root(f"DROP USER '{name}'@'%'")


async def test_sessions_are_ended_one_by_one_too(
    ground: MysqlGround, adapter: MysqlAdapter
) -> None:
    """Where the server ends no sessions by name, as MySQL, they are looked up and ended."""
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    with ground.open(*login(credential)) as one, ground.open(*login(credential)) as other:

        async def revoke(connection: Connection) -> None:
            connection.dialect = replace(connection.dialect, kill=None)
            await life.take_account(connection, order.mark_underscored, "%")
            connection.dialect = MARIADB

        await adapter._link.run(revoke)
        for session in (one, other):
            with pytest.raises(pymysql.MySQLError):
                session.query("SELECT 1")
    assert await adapter.verify(order) is Presence.ABSENT


async def test_a_busy_session_is_cut_in_its_statement(
    ground: MysqlGround, adapter: MysqlAdapter
) -> None:
    """What a session is doing does not keep it: the statement ends, and so does the session."""
    order = ground.order()
    await adapter.grant(order)
    with ground.open(*login(await adapter.issue(order))) as person:
        busy = asyncio.create_task(asyncio.to_thread(person.query, "SELECT SLEEP(60)"))
        async with asyncio.timeout(10):
            query = "SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'"
            while not await ground.root(query):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.02)
        await adapter.revoke(order)
        with pytest.raises(pymysql.MySQLError):
            await busy
    assert await adapter.verify(order) is Presence.ABSENT


async def test_a_late_grant_changes_nothing(ground: MysqlGround) -> None:
    """A statement that a frozen server reads after we gave up on it makes no account."""
    adapter = ground.connect(call_limit=0.5)
    order = ground.order()
    await adapter.verify(order)  # a warm connection: the statement is in its buffer when it thaws
    ground.server.freeze()
    try:
        with pytest.raises(UnreachableError):
            await adapter.grant(order)
    finally:
        ground.server.thaw()
    await adapter.aclose()
    async with asyncio.timeout(10):
        query = "SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = 'curfew_admin'"
        while await ground.root(query):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)
    assert "SELECT ~0 + " in ground.server.log, "the server never read it"
    found = await ground.root(
        "SELECT 1 FROM mysql.global_priv WHERE User LIKE 'curfew\\_____________'"
    )
    assert found == []


async def test_no_password_reaches_the_server(ground: MysqlGround, adapter: MysqlAdapter) -> None:
    """The server logs every statement here, and none of them holds a password."""
    order = ground.order()
    await adapter.grant(order)
    _, word = login(await adapter.issue(order))
    await adapter.revoke(order)
    assert f"'{order.mark_underscored}'" in ground.server.log
    assert word not in ground.server.log


async def test_nothing_travels_in_plain_text(ground: MysqlGround, tmp_path: Path) -> None:
    """A certificate of somebody else is refused, and people cannot log in without TLS either."""
    stranger = Authority.made(tmp_path / "stranger.pem")
    deceived = MysqlAdapter("shop-db", ground.settings(ca=str(stranger.path)))
    with pytest.raises(RefusedError, match="certificate is not accepted"):
        await deceived.probe()
    missing = MysqlAdapter("shop-db", ground.settings(ca=str(tmp_path / "none.pem")))
    with pytest.raises(RefusedError, match="cannot be read"):
        await missing.probe()
    adapter = ground.connect()
    order = ground.order()
    await adapter.grant(order)
    name, word = login(await adapter.issue(order))
    with pytest.raises(pymysql.OperationalError, match="denied"):
        ground.open(name, word, ssl_disabled=True)
    await adapter.revoke(order)
    for each in (deceived, missing, adapter):
        await each.aclose()


async def test_a_server_without_tls_is_refused(ground: MysqlGround) -> None:
    """The driver would go on in plain text; with `tls: off` that is what was asked for."""
    server = ground.server
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start, secure=False)
    try:
        adapter = ground.connect()
        with pytest.raises(RefusedError, match="offers no TLS"):
            await adapter.probe()
        await ground.root("ALTER USER curfew_admin@'%' REQUIRE NONE")
        plain = MysqlAdapter("shop-db", ground.settings(tls="off", ca=None))
        assert await plain.probe() == []
        order = ground.order()
        await plain.grant(order)
        credential = await plain.issue(order)
        assert "--ssl" not in credential.snippets[1].text
        name, word = login(credential)
        ground.open(name, word, ssl_disabled=True).close()
        await plain.revoke(order)
        await ground.root("ALTER USER curfew_admin@'%' REQUIRE SSL")
        for each in (adapter, plain):
            await each.aclose()
    finally:
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)


async def run_remedies(ground: MysqlGround, problems: list[str]) -> None:
    assert problems
    for problem in problems:
        found = re.search(r"Run: (.+;)$", problem)
        assert found, problem
        await ground.root(found[1])


async def test_each_missing_right_is_found_and_its_line_mends_it(ground: MysqlGround) -> None:
    """The probe names every right that the admin lacks, and running its SQL makes it content."""
    await ground.root("CREATE USER bare@'127.0.%' IDENTIFIED BY 'word'")
    bare = MysqlAdapter("bare", ground.settings(user="bare", password="word"))
    blocks: list[Mapping[str, object]] = [
        ground.block(0),
        ground.block(1),
        {"role": "app_new"},
        {"rights": {"fresh.*": ["SELECT"]}},
    ]
    said = " ".join(await bare.probe())
    for words in ("make and drop accounts", "see sessions", "end sessions", "read accounts"):
        assert words in said
    await run_remedies(ground, await bare.probe())
    await run_remedies(ground, await bare.probe(blocks))
    await run_remedies(ground, await bare.probe(blocks))  # app_new exists now, fresh does not
    assert await bare.probe(blocks) == []
    for number in (0, 1):
        order = ground.order(number)
        await bare.grant(order)
        assert await ground.admits(order, await bare.issue(order))
        await bare.revoke(order)
    await bare.aclose()
    await ground.root("DROP USER bare@'127.0.%'", "DROP ROLE app_new", "DROP DATABASE fresh")


async def test_a_mended_right_works_at_once(ground: MysqlGround, adapter: MysqlAdapter) -> None:
    """The server lets open connections keep the rights they began with, so they are not kept."""
    await ground.root("REVOKE CREATE USER ON *.* FROM curfew_admin@'%'")
    order = ground.order()
    with pytest.raises(RefusedError):
        await adapter.grant(order)
    await ground.root("GRANT CREATE USER ON *.* TO curfew_admin@'%'")
    await adapter.grant(order)
    await adapter.revoke(order)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"role": "app_typo"}, "app_typo"),
        ({"rights": {"nowhere.*": ["SELECT"]}}, "nowhere"),
        ({"rights": {"shop_eu.none": ["SELECT"]}}, "none"),
    ],
)
async def test_what_is_not_there_is_named(
    ground: MysqlGround, adapter: MysqlAdapter, params: dict[str, object], words: str
) -> None:
    """A role, database or table that is not there is refused by its name."""
    order = replace(ground.order(), params=params)
    with pytest.raises(RefusedError, match=words):
        await adapter.grant(order)
    assert await adapter.verify(order) is Presence.PARTIAL
    await adapter.revoke(order)


async def test_a_replica_is_waited_for(ground: MysqlGround, adapter: MysqlAdapter) -> None:
    """A read-only server, as during a failover, may heal; the probe names it."""
    await ground.root("SET GLOBAL read_only = 1")
    with pytest.raises(UnreachableError, match="read-only"):
        await adapter.grant(order := ground.order())
    assert "host name the primary" in " ".join(await adapter.probe())
    await ground.root("SET GLOBAL read_only = 0")
    await adapter.grant(order)
    await adapter.revoke(order)


async def test_a_crowd_shares_few_connections(ground: MysqlGround) -> None:
    """Two hundred grants at once use no more connections than the provider's block says."""
    adapter = MysqlAdapter("shop-db", ground.settings(connections=3))
    orders = [ground.order() for _ in range(200)]
    query = "SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'curfew_admin'"
    work = asyncio.gather(*(adapter.grant(order) for order in orders))
    seen = set()
    while not work.done():
        seen.add(int(str((await ground.root(query))[0][0])))
    await work
    assert seen <= {0, 1, 2, 3}
    assert max(seen) > 1
    await asyncio.gather(*(adapter.revoke(order) for order in orders))
    assert await adapter.owned() == frozenset()
    await adapter.aclose()


@pytest.mark.parametrize(
    ("said", "family", "number"),
    [
        ("10.11.19-MariaDB-0+deb12u1-log", "MariaDB", (10, 11)),
        ("5.5.5-10.4.34-MariaDB", "MariaDB", (10, 4)),
        ("8.0.36-0ubuntu0.22.04.1", "MySQL", (8, 0)),
        ("8.0.mysql_aurora.3.04.0", "MySQL", (8, 0)),
        ("9.1.0", "MySQL", (9, 1)),
    ],
)
def test_servers_are_told_apart(said: str, family: str, number: tuple[int, int]) -> None:
    """By what they say of themselves, the prefix for old clients left out."""
    assert dialect_of(said).name == family
    assert number_of(said) == number


def refused(model: type[MysqlParams | MysqlSettings], **values: object) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return str(caught.value)


def test_blocks_that_cannot_be_meant_are_refused() -> None:
    """Each with a sentence that says what would be right."""
    assert "give a role, or rights" in refused(MysqlParams)
    assert "no role of yours" in refused(MysqlParams, role="curfew_0123456789ab")
    assert "name a database" in refused(MysqlParams, rights={"*.*": ["SELECT"]})
    assert "own books" in refused(MysqlParams, rights={"mysql.user": ["SELECT"]})
    assert "database.* or database.table" in refused(MysqlParams, rights={"shop": ["SELECT"]})
    assert "with dots" in refused(MysqlParams, rights={"a.b.c": ["SELECT"]})
    assert "whole database" in refused(MysqlParams, rights={"shop.orders": ["EVENT"]})
    assert "SELECT" in refused(MysqlParams, rights={"shop.*": ["GRANT OPTION"]})
    login_of = {"host": "h", "user": "u", "password": ADMIN_PASSWORD}
    assert "pattern such as" in refused(MysqlSettings, **login_of, logins_from="a'b")
    said = refused(MysqlSettings, **login_of, tls="off", ca="/x")
    assert "of no use" in said
    assert ADMIN_PASSWORD not in said
