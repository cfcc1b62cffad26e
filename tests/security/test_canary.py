"""A whole story with credentials and troubles; then nobody finds a secret anywhere.

The program is a process of its own at DEBUG. Looked through are all tables, its log, its pages, its
commands, and all that Slack was told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from sandbox.player import text_of
from sandbox.seed import DANA, MAYA, OMAR
from tests.security.canary import METRICS_TOKEN, Program, program
from tests.security.house import LINE

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.shop import Shop
    from sandbox import SandboxServer
    from sandbox.postgres import EmbeddedPostgres


async def credentials(sandbox: SandboxServer) -> str:
    """Dana presses Get credentials; the password on the form, which works and is on no other."""
    dana = sandbox.person(DANA)
    granted = await dana.waits_for("Get credentials")
    await dana.click("Get credentials", message=granted)
    shown = text_of(await dana.waits_for_modal("postgresql://"))
    dsn = next(word for word in shown.split() if word.startswith("postgresql://"))
    with psycopg.connect(dsn) as conn:
        assert conn.execute("SELECT count(*) FROM orders").fetchone()
    return str(conninfo_to_dict(dsn)["password"])


async def story(at: Program, shop: Shop) -> list[str]:
    """Everything that can happen to access, and what goes wrong meanwhile; the passwords made."""
    sandbox = at.sandbox
    dana, maya, omar = sandbox.person(DANA), sandbox.person(MAYA), sandbox.person(OMAR)
    await dana.command("/access prod-bd 30m a slip of the hand")
    await dana.command(LINE)
    card = await maya.waits_for("Approve shorter", channel="approvals")
    await dana.click("Approve", message=card)
    await maya.click("Approve", message=card)
    passwords = [await credentials(sandbox)]
    passwords.append(await renewed(sandbox, passwords[0]))
    await omar.click("Approve", message=card)
    await dana.command("/access extend prod-db 5m more of it")
    await troubled(at, shop)
    passwords.append(await renewed(sandbox, passwords[1]))
    await maya.open_home()
    await dana.command("/access revoke prod-db")
    await maya.waits_for("Verified gone", channel="audit", within=60.0)
    return passwords


async def renewed(sandbox: SandboxServer, former: str) -> str:
    """Another press makes another password."""
    dana = sandbox.person(DANA)
    while dana.modal is not None:
        await dana.close()
    fresh = await credentials(sandbox)
    assert fresh != former
    await dana.close()
    return fresh


async def troubled(at: Program, shop: Shop) -> None:
    """A policy that cannot be, with a secret in the wrong place; an admin who is locked out."""
    policy = at.folder / "policy.yml"
    good = policy.read_text()
    policy.write_text(good.replace("adapter: postgres", 'adapter: "${ORDERS_ADMIN_DSN}"'))
    await at.sandbox.person(MAYA).waits_for("policy", channel="audit", within=20.0)
    policy.write_text(good)
    word = conninfo_to_dict(shop.admin_dsn)["password"]
    dana = at.sandbox.person(DANA)
    with psycopg.connect(shop.admin_dsn, autocommit=True) as admin:
        mine = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        others = " WHERE usename = current_user AND pid <> pg_backend_pid()"
        change = sql.SQL("ALTER ROLE curfew_admin PASSWORD {}")
        admin.execute(change.format(sql.Literal("another")))
        admin.execute((mine + others).encode())
        await dana.click("Get credentials", message=await dana.waits_for("Get credentials"))
        await dana.waits_for_modal("password authentication failed", within=20.0)
        await dana.close()
        admin.execute(change.format(sql.Literal(str(word))))


async def test_23_no_secret_is_left_anywhere(
    shop: Shop, database_url: str, tmp_path: Path, postgres_server: EmbeddedPostgres
) -> None:
    """Issued passwords, the admin's, Slack's tokens, the signing secret, the database's own."""
    road = "http" if database_url.startswith("sqlite") else "socket"
    async with program(shop, tmp_path, database_url, road=road) as at:
        passwords = await story(at, shop)
        pages = await at.pages()
        commands = {
            " ".join(words): await at.command(*words)
            for words in (
                ("grants",),
                ("audit", "export", "--format", "jsonl"),
                ("check",),
                ("doctor",),
                ("audit", "verify"),
            )
        }
        open_forms, slack = [at.sandbox.person(DANA).modal], at.slack()
        await at.end()
    everywhere = {**at.rows(), **at.files(), **pages, **commands, **slack}
    sandbox = at.sandbox
    standing = [
        sandbox.bot_token,
        sandbox.app_token,
        sandbox.signing_secret,
        METRICS_TOKEN,
        str(conninfo_to_dict(shop.admin_dsn)["password"]),
        postgres_server.password,
    ]

    assert open_forms == [None]
    assert len(passwords) == 3
    assert "The log is whole" in everywhere["audit verify"]
    assert "credentials.issued" in everywhere["events"]
    assert "ready" in everywhere["log"]
    for secret in standing:
        assert found_in(everywhere, secret) == []
    for secret in passwords:
        # The one place: the form of the person whom it is for, as the call that filled it.
        [only] = found_in(everywhere, secret)
        assert "views.update" in only


def found_in(everywhere: dict[str, str], secret: str) -> list[str]:
    """Where it stands, as it is or as a URL spells it."""
    forms = {secret, quote(secret, safe=""), secret.encode().hex()}
    return [place for place, text in everywhere.items() if any(form in text for form in forms)]
