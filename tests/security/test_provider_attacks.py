"""What is protected: names that break out, sessions that stay, providers that stall."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
from aiohttp import web
from psycopg import sql

from bot.domain.grant import State
from bot.slack.client import WIRE_ERRORS, open_client
from sandbox.seed import DANA, MAYA
from tests.security.canary import program
from tests.security.house import LINE, POLICY, House, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.demo.shop import Shop
    from tests.security.conftest import Build

HOSTILE = """a'; DROP TABLE orders; --"b" $$ \\ {0} %s, *"""


@pytest.fixture
def hostile_role(shop: Shop) -> Iterator[str]:
    """A role of that name, which somebody made long ago and which may read the orders."""
    role = sql.Identifier(HOSTILE)
    with psycopg.connect(shop.admin_dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {}").format(role))
        admin.execute(sql.SQL("GRANT {} TO curfew_admin WITH INHERIT TRUE, SET TRUE").format(role))
        admin.execute(sql.SQL("GRANT app_readonly TO {}").format(role))
        yield HOSTILE
        admin.execute(sql.SQL("DROP ROLE {}").format(role))


async def test_17_hostile_names_break_out_of_nothing(build: Build, hostile_role: str) -> None:
    """A role, a person and a reason called like SQL: given, used and taken away, in revoke too."""
    quoted = hostile_role.replace('"', '\\"').replace("\\ ", "\\\\ ")
    here = await build(policy=POLICY.replace("[app_readonly]", f'["{quoted}"]'))
    here.sandbox.admin.change_user(DANA, real_name=HOSTILE, name=HOSTILE)
    rows = here.look("SELECT rolname FROM pg_roles ORDER BY 1")
    card = await here.asked(f"/access prod-db 30m {HOSTILE}")
    await here.maya.click("Approve", message=card)
    grant = await here.until(State.ACTIVE)

    assert here.logins() == [f"curfew_{grant.id}"]

    with psycopg.connect(await dsn(here)) as conn:
        assert conn.execute("SELECT count(*) > 0 FROM orders").fetchone() == (True,)
    await here.told(here.dana, "/access revoke prod-db")
    await here.until(State.ENDED)

    assert here.look("SELECT rolname FROM pg_roles ORDER BY 1") == rows


async def dsn(here: House) -> str:
    """The whole connection string off Dana's form."""
    password = await here.password()
    grant = await here.only()
    where = urlsplit(here.shop.admin_dsn)
    return f"postgresql://curfew_{grant.id}:{password}@{where.hostname}:{where.port}/orders"


async def test_32_an_open_session_does_not_outlive_it(here: House) -> None:
    """Ended is said when the session is cut and the password opens nothing any more."""
    await here.active()
    login = await dsn(here)
    with closing(psycopg.connect(login, autocommit=True)) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)

        await here.told(here.olga, "/access revoke " + (await here.only()).id)
        await here.until(State.ENDED)

        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(login)


async def test_02_bytes_that_are_no_text_hinder_no_revoke(
    shop: Shop, sqlite_url: str, tmp_path: Path
) -> None:
    """An operator's terminal may send anything as the reason: access ends all the same."""
    async with program(shop, tmp_path, sqlite_url, road="http") as at:
        dana, maya = at.sandbox.person(DANA), at.sandbox.person(MAYA)
        await dana.command(LINE)
        card = await maya.waits_for("Approve shorter", channel="approvals")
        await maya.click("Approve", message=card)
        await dana.waits_for("Get credentials")
        said = await at.command("revoke", "--all", "--reason", "gone \udcff mad")
        await maya.waits_for("Verified gone", channel="audit", within=20.0)

    assert "Traceback" not in said


async def test_23_a_former_password_opens_nothing(here: House) -> None:
    """Each press makes the one before worthless, and before the first there is none."""
    grant = await here.active()
    where = urlsplit(here.shop.admin_dsn)
    bare = f"postgresql://curfew_{grant.id}@{where.hostname}:{where.port}/orders"
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(bare, password="")
    former = await dsn(here)
    await here.dana.close()
    fresh = await dsn(here)

    assert fresh != former
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(former)
    with closing(psycopg.connect(fresh)) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)


async def test_26_the_server_ends_it_without_us(here: House) -> None:
    """Whoever keeps the bot from working gains ten seconds: the server was told the end."""
    grant = await here.active()
    [(until,)] = here.look(
        "SELECT rolvaliduntil FROM pg_roles WHERE rolname = %(name)s", name=f"curfew_{grant.id}"
    )

    assert grant.expires_at is not None
    assert until <= grant.expires_at + timedelta(seconds=10)


async def test_26_one_dead_provider_delays_no_other(build: Build) -> None:
    """While every call to one hangs, access at another one is given and taken away."""
    # It takes connections, as a machine does whose server hangs, and says nothing.
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as silent:
        here = await build(policy=with_a_hole(silent.getsockname()[1]))
        await here.told(here.dana, "/access vault 30m fix the stuck order")
        card = await here.asked()
        await here.maya.click("Approve", message=card)
        await in_states(here, "active", "granting")
        await here.told(here.dana, "/access revoke prod-db")
        await in_states(here, "ended", "granting")

        assert here.logins() == []


def with_a_hole(port: int) -> str:
    """A policy whose `vault` is at a provider that never answers, and needs no approval."""
    hole = f'  hole-pg: {{adapter: postgres, dsn: "postgresql://x:y@127.0.0.1:{port}/z"}}\n'
    policy = POLICY.replace("resources:\n", f"{hole}resources:\n", 1)
    before, vault, after = policy.partition("  vault:")
    after = after.replace("orders-pg", "hole-pg").replace("approvals: 2", "approvals: 0")
    return before + vault + after


async def in_states(here: House, *wanted: str) -> None:
    """Wait for the grants to stand so; the engine works by itself."""
    async with asyncio.timeout(5.0):
        while await states(here) != list(wanted):  # noqa: ASYNC110 - rows give no event
            await asyncio.sleep(0.02)


async def states(here: House) -> list[str]:
    return sorted(grant.state.value for grant in await here.grants())


async def test_31_what_others_called_like_ours_is_theirs(here: House) -> None:
    """A role with our mark that the log never knew is reported, and left for a human."""
    stranger = sql.Identifier("curfew_0000backp000")
    with psycopg.connect(here.shop.admin_dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {}").format(stranger))
        await here.bot.engine.sweep()
        await here.bot.engine.sweep()

        assert here.logins() == ["curfew_0000backp000"]
        assert (await here.kinds()).count("orphan.found") == 1


async def test_20_tokens_do_not_follow_a_redirect() -> None:
    """Whoever answers for Slack with an address of their own is not sent the token."""
    came: list[str] = []

    async def thief(request: web.Request) -> web.Response:
        came.append(f"{request.raw_path} {dict(request.headers)} {await request.text()}")
        return web.json_response({"ok": True})

    async def astray(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{elsewhere}/api/{request.match_info['method']}")

    elsewhere = ""
    runners = []
    for handler in (thief, astray):
        app = web.Application()
        app.router.add_route("*", "/api/{method}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        elsewhere = elsewhere or f"http://127.0.0.1:{runner.addresses[0][1]}"
    slack = f"http://127.0.0.1:{runners[1].addresses[0][1]}/api/"
    try:
        async with open_client("xoxb-a-token", slack) as client:
            for call in (
                client.auth_test(),
                client.chat_postMessage(channel="C1", text="hello"),
                client.users_info(user="U1"),
            ):
                try:
                    await call
                except WIRE_ERRORS:
                    continue
    finally:
        for runner in runners:
            await runner.cleanup()

    assert not any("xoxb-a-token" in request for request in came)


async def test_23_nothing_shows_a_secret_by_its_repr(here: House) -> None:
    """Settings, the policy, adapters, the bot and what is issued: printed, they say nothing."""
    await here.active()
    grant = await here.only()
    credential = await here.bot.engine.service.issue(DANA, grant.id)
    password = here.shop.admin_dsn.partition("curfew_admin:")[2].partition("@")[0]
    issued = [word for snippet in credential.snippets for word in snippet.text.split()]
    words = [password, here.sandbox.bot_token, here.sandbox.signing_secret, *issued[:1]]
    bot = here.bot
    things = (
        *(here.settings, here.shop, bot, bot.policies, bot.policies.current, bot.policies.shelf),
        *(bot.policies.shelf.adapters, bot.slack, bot.web, bot.engine, bot.engine.database),
        *(credential, credential.snippets, grant, bot.engine.database.url),
        *(adapter.settings for adapter in bot.policies.shelf.adapters.values()),
        settings_of(here.sandbox, "postgresql://u:a-word-of-ours@h/d", here.policy, road="http"),
    )
    for thing in things:
        for shown in (repr(thing), str(thing), f"{thing!r:.100000}"):
            assert "a-word-of-ours" not in shown
            for word in words:
                assert word not in shown


async def test_23_errors_of_the_server_carry_no_secret(here: House) -> None:
    """What PostgreSQL adds as detail to a refusal is said without what we sent it."""
    await here.active()
    adapter = here.bot.policies.shelf.adapters["orders-pg"]
    password = here.shop.admin_dsn.partition("curfew_admin:")[2].partition("@")[0]
    whole = adapter.clean(f'duplicate key\nDETAIL:  Key (dsn)=({here.shop.admin_dsn}) "{password}"')

    assert password not in whole
    assert "\n" not in whole
    assert len(adapter.clean("x" * 5_000)) <= 240
