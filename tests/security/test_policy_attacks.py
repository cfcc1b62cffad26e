"""The policy file and the rules: changed between asking and approving, or made to do harm."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.grant import State
from sandbox.seed import BACKEND, OLGA
from tests.security.house import LINE, POLICY, WITHIN, House

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.security.conftest import Build

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


async def reloaded(here: House, text: str) -> bool:
    """Whether that file is in force now."""
    here.policy.write_text(text)
    return await here.bot.policies.reload(here.bot.engine, here.database)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("roles: [app_readonly]", "roles: [app_owner]"),
        ("approvers: [group:dba]", "approvers: [group:dba, U0OLGA]"),
        ("max_duration: 1h", "max_duration: 2h"),
        ("database: orders}\n    requesters", "database: other}\n    requesters"),
        ("  prod-db:", "  prod-db-2:"),
    ],
)
async def test_21_told_one_thing_granted_another(here: House, before: str, after: str) -> None:
    """What a request grants, who decides and for how long: changed, the request is over."""
    card = await here.asked()

    assert before in POLICY
    assert await reloaded(here, POLICY.replace(before, after, 1))
    assert (await here.only()).state is State.CANCELLED

    await here.maya.click("Approve", message=card)
    await here.maya.waits_for("were changed since", channel="approvals")

    assert (await here.only()).votes == ()
    assert here.logins() == []


async def test_21_in_the_instant_of_the_change(here: House) -> None:
    """A click that meets the new rule before the open requests were gone through gives nothing."""
    card = await here.asked()
    policies = here.bot.policies
    resource = policies.current.resources["prod-db"]
    wider = replace(resource, grant={**resource.grant, "roles": ["app_owner"]})
    policies._policy = replace(policies.current, resources={"prod-db": wider})
    await here.maya.click("Approve", message=card)
    await here.maya.waits_for("were changed since", channel="approvals")

    assert (await here.only()).state is State.CANCELLED


async def test_21_what_was_approved_for_later_is_looked_at_again(here: House) -> None:
    """Approved for tomorrow under another rule: when its hour comes, it is not given."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    line = f"/access prod-db 30m at {tomorrow:%Y-%m-%d} 12:00 fix the stuck order"
    card = await here.asked(line)
    await here.maya.click("Approve", message=card)
    await here.until(State.SCHEDULED)

    assert await reloaded(here, POLICY.replace("[app_readonly]", "[app_owner]", 1))

    here.pass_time(timedelta(days=2))
    await here.until(State.CANCELLED)
    assert "grant.started" not in await here.kinds()
    assert here.logins() == []


async def test_21_a_request_of_who_may_not_ask_any_more(here: House) -> None:
    """Approved after the requester left the group: not given, and the request is over."""
    card = await here.asked()
    here.sandbox.admin.change_usergroup(BACKEND, users=[OLGA])
    here.age_directory()
    await here.maya.click("Approve", message=card)
    await here.until(State.CANCELLED)

    assert "grant.approved" not in await here.kinds()


async def test_21_a_change_that_narrows_nothing_keeps_what_was_asked(here: House) -> None:
    """The order of a grant is that of its asking: a revoke never needs the policy."""
    await here.active()
    without = POLICY.replace("  prod-db:", "  another:", 1)

    assert await reloaded(here, without)

    await here.told(here.olga, "/access revoke " + (await here.only()).id)
    await here.until(State.ENDED)
    assert here.logins() == []


def writable(path: Path) -> None:
    path.write_text(POLICY.replace("4h", "8h"))
    path.chmod(0o666)


def by_the_group(path: Path) -> None:
    path.write_text(POLICY.replace("4h", "8h"))
    path.chmod(0o660)


def linked(path: Path) -> None:
    """A link to a file that anybody may write is no better than that file."""
    target = path.with_name("elsewhere.yml")
    writable(target)
    path.unlink()
    path.symlink_to(target)


def a_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def a_circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def half(path: Path) -> None:
    """As an editor leaves it that was killed."""
    path.write_text(POLICY[: len(POLICY) // 2])


def huge(path: Path) -> None:
    path.write_text(POLICY + "#" * 2**20)


def text_of_a_policy(content: str) -> Callable[[Path], None]:
    def written(path: Path) -> None:
        path.write_text(content)

    return written


BAD = {
    "written by anybody": writable,
    "written by the group": by_the_group,
    "a link to such a file": linked,
    "a device": a_device,
    "a pipe that nobody writes to": a_pipe,
    "a link to itself": a_circle,
    "half a file": half,
    "a file without end": huge,
    "aliases that never end": text_of_a_policy(BOMB + POLICY),
    "an alias within itself": text_of_a_policy("groups: &a {a: [*a]}\n" + POLICY),
    "depth without end": text_of_a_policy(POLICY + "people: " + "[" * 50_000),
    "an object": text_of_a_policy(POLICY + "people: !!python/object/apply:os.abort []\n"),
    "a name of an object": text_of_a_policy(POLICY + "people: !!python/name:os.abort ''\n"),
    "no text": lambda path: path.write_bytes(b"\xff\xfe" + POLICY.encode("utf-16")),
    "keys that merge": text_of_a_policy(POLICY + "people: {<<: {a@b.example: {ssh: root}}}\n"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", BAD)
async def test_22_a_file_that_does_harm_is_no_policy(here: House, name: str) -> None:
    """The former policy stays in force, whole, and people and `/readyz` are told."""
    before = here.bot.policies.current
    BAD[name](here.policy)

    assert not await here.bot.policies.reload(here.bot.engine, here.database)
    assert here.bot.policies.current is before
    assert "policy.rejected" in await here.kinds()
    assert (await here.read("/readyz"))[0] == 503

    await here.olga.waits_for("Policy rejected", channel="audit")
    assert "Asked for" in await here.told(here.dana, LINE)


async def test_22_a_secret_in_the_wrong_place_is_not_told(here: House) -> None:
    """What `${NAME}` stands for is in no sentence about the file, in no line and on no page."""
    password = here.shop.admin_dsn.partition("curfew_admin:")[2].partition("@")[0]
    for place in ("adapter: postgres", "roles: [app_readonly]", "4h", "C0AUDIT"):
        key = place.partition(":")[0] + ": " if ":" in place else ""
        secret = f'{key}"${{ORDERS_ADMIN_DSN}}"'

        assert not await reloaded(here, POLICY.replace(place, secret, 1))
        assert password not in str(here.bot.policies.rejected)
        assert password not in (await here.read("/readyz"))[1]
    bodies = [event.body for event in await here.events()]

    assert not any(password in body for body in bodies)


async def test_22_it_is_read_again_by_itself(here: House) -> None:
    """A change is in force without a word from anybody, and stands in the log with its digest."""
    former = here.bot.policies.current.digest
    here.policy.write_text(POLICY.replace("max_duration: 1h", "max_duration: 30m", 1))
    here.bot.nudged.set()
    async with asyncio.timeout(WITHIN):
        while here.bot.policies.current.digest == former:  # noqa: ASYNC110 - a file gives no event
            await asyncio.sleep(0.05)

    assert "30 min at most" in await here.told(here.dana, "/access prod-db 1h fix the stuck order")


@pytest.mark.parametrize(
    "roles", ["[curfew_admin]", "[curfew_000000000000]", "[public]", '["a\\0b"]', "[]", '[""]']
)
async def test_31_a_policy_cannot_hand_out_the_bot_itself(here: House, roles: str) -> None:
    """The admin role and other grants' logins are no roles that a resource could give."""
    assert not await reloaded(here, POLICY.replace("[app_readonly]", roles, 1))


async def test_28_break_glass_is_not_there_by_accident(here: House) -> None:
    """Nobody gets it by typing the word, and a policy that names it is refused for now."""
    emergency = "    emergency: {requesters: [anyone], max_duration: 30m, reviewers: [group:dba]}\n"

    assert "no emergency access" in await here.told(
        here.dana, "/access emergency prod-db the house is on fire"
    )
    assert not await reloaded(here, POLICY.replace("  prod-db:\n", f"  prod-db:\n{emergency}", 1))
    assert await here.grants() == []


async def test_nobody_may_ask_whom_the_policy_does_not_name(build: Build) -> None:
    """An approver and an admin, by being that alone, get nothing."""
    here = await build()

    assert "not among those who may ask" in await here.told(here.maya, LINE)
    assert "not among those who may ask" in await here.told(here.olga, LINE)
    assert await here.grants() == []
