"""Whatever a person or a broken client sends, signed as it is: an answer, and no fault of ours.

Through the front door of a running bot, on both databases. A fault would be a status other than
200 and 400, a reference to the log in the answer, or a row that nobody may have made.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.domain.grant import State
from sandbox.seed import DANA, GARY, MAYA, OLGA, OMAR, STELLA

if TYPE_CHECKING:
    from tests.security.forge import Json
    from tests.security.house import House

MANY = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
)
PEOPLE = (DANA, MAYA, OMAR, OLGA, GARY, STELLA, "U0NOBODY", "W1", "", "\x00", "U\u0660\u0661\u0662")
WORDS = (
    *("prod-db", "vault", "PROD-DB", "extend", "revoke", "who", "audit", "list", "mine", "help"),
    *("emergency", "30m", "0m", "\u0663\u0660m", "until 18:00", "at 22:00", "2026-12-01", "25:99"),
    *("<@U0MAYA>", "<!channel>", "<#C0AUDIT|audit>", "<mailto:a@b.c|a@b.c>", "@dba", "“prod-db”"),
    *("\x00", "\ud800", "\u202e", "'", '"', "\\", "%s", "{}", "${X}", "9" * 400, "z" * 3_500),
)
ODD_MOMENTS = (-62_135_596_801, -1, 0, 2**32, 2**32 + 1, 253_402_300_799, 253_402_300_800)
line = st.lists(st.sampled_from(WORDS) | st.text(max_size=12), max_size=8).map(" ".join)
action = st.sampled_from(
    [
        *("approve", "approve_shorter", "deny", "revoke", "extend", "credentials", "cancel", "ask"),
        *("sign_off", "extension_approve:1", "extension_deny:-1", "extension_approve:x"),
        *("extension_approve:\u0661", "extension_approve:" + "9" * 5_000, "approve:2", "", "\x00"),
    ]
)
odd = st.sampled_from(
    ["", "\x00", "\ud800", "0" * 12, "curfew-", "%", "_" * 12, "' OR '1'='1", "z" * 3_000, "{}"]
)
leaf = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=20) | odd
anything = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
)


Send = Callable[[Any], Coroutine[Any, Any, tuple[int, str]]]
"""What is done with one example; the answer's status and body."""


async def run(strategy: st.SearchStrategy[Any], send: Send, *, many: int = 60) -> None:
    """All examples, one after another, each answered before the next; none is a fault of ours."""
    loop = asyncio.get_running_loop()

    @settings(MANY, max_examples=many)
    @given(strategy)
    def every(example: Any) -> None:  # noqa: ANN401 - whatever a strategy makes
        # Hypothesis is not asynchronous: its examples come from a thread to the bot's own loop.
        status, body = asyncio.run_coroutine_threadsafe(send(example), loop).result(30)

        assert status in {200, 400}, (example, status)
        assert "(ref " not in body, (example, body)

    with capture_logs() as said:
        await asyncio.to_thread(every)
    faults = [entry for entry in said if entry["log_level"] in {"error", "critical"}]

    assert faults == []


async def test_15_any_line(on_each: House) -> None:
    """`/access` with anything behind it, from anybody."""
    here = on_each

    async def send(example: tuple[str, str]) -> tuple[int, str]:
        user, text = example
        fields = {
            "command": "/access",
            "user_id": user,
            "text": text.encode("utf-8", "replace").decode(),
            "team_id": here.sandbox.workspace.team_id,
            "channel_id": "C0GENERAL",
            "trigger_id": here.sandbox.workspace.views.new_trigger(user),
        }
        return await here.send("slash_commands", fields)

    await run(st.tuples(st.sampled_from(PEOPLE), line), send)
    for grant in await here.grants():
        assert grant.requester in {DANA, OMAR}
        assert grant.state in {State.PENDING, State.SCHEDULED, State.CANCELLED}


async def test_06_any_button(on_each: House) -> None:
    """Any action with any value on any message, by everybody who may not decide on this one."""
    here = on_each
    card = await here.asked()
    grant = await here.only()

    async def send(example: tuple[str, str, str, Json]) -> tuple[int, str]:
        user, name, value, place = example
        payload = here.press(card, user, name)
        payload["actions"][0]["value"] = value
        payload["container"] |= place
        return await here.send("interactive", payload)

    users = st.sampled_from([user for user in PEOPLE if user not in {MAYA, OMAR, DANA, OLGA}])
    values = st.just(grant.id) | odd
    places = st.dictionaries(
        st.sampled_from(["channel_id", "message_ts", "thread_ts", "type", "view_id"]), odd
    )
    # A message that is not known yet is waited for, a second at most: fewer examples.
    await run(st.tuples(users, action, values, places), send, many=12)

    assert await here.only() == grant


async def test_06_any_form(on_each: House) -> None:
    """Forms with forged values, missing blocks, other grants and other people's forms."""
    here = on_each
    await here.asked()
    grant = await here.only()
    fields = {
        "resource": st.sampled_from(["prod-db", "vault", "x", "", "\x00"]).map(chosen),
        "duration": line.map(typed) | odd.map(typed),
        "reason": st.text(max_size=3_100).map(typed) | odd.map(typed),
        "start": (st.integers(-(2**70), 2**70) | st.sampled_from(ODD_MOMENTS)).map(
            lambda at: {"selected_date_time": at}
        ),
        "\ud800": anything,
    }
    kinds = ["request_form", "shorter_form", "deny_form", "extend_form", "extension_deny_form"]
    form = st.tuples(
        st.sampled_from([GARY, STELLA, OLGA, "U0NOBODY", "\x00"]),
        st.sampled_from([*kinds, "credentials_form", "notice_form", "x", "\x00"]),
        st.just(json.dumps({"grant": grant.id}))
        | st.builds(json.dumps, anything)
        | odd
        | st.just("[" * 3_000),
        st.fixed_dictionaries({}, optional=fields),
    )

    async def send(example: tuple[str, str, str, Json]) -> tuple[int, str]:
        return await here.send("interactive", here.form(*example))

    await run(form, send)

    assert await here.only() == grant


async def test_03_any_payload(on_each: House) -> None:
    """Signed JSON of any shape, in both forms."""
    here = on_each
    keys = st.sampled_from(
        [
            "type",
            "user",
            "team",
            "actions",
            "view",
            "event",
            "container",
            "command",
            "text",
            "state",
        ]
    )
    shape = st.dictionaries(keys, anything | st.sampled_from(["block_actions", "view_submission"]))

    async def send(example: Json) -> tuple[int, str]:
        raw = json.dumps(example).encode()
        bare = await here.knock(raw, here.signed(raw, kind="application/json"))
        assert bare[0] in {200, 400}
        return await here.send("interactive", example)

    await run(shape, send)

    assert await here.grants() == []


def typed(text: str) -> Json:
    return {"type": "plain_text_input", "value": text}


def chosen(value: str) -> Json:
    return {"type": "static_select", "selected_option": {"value": value}}
