"""views.*: triggers, stacks, hashes, the Home tab."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError

from sandbox.seed import BUILDBOT, DANA, MAYA
from tests.sandbox.kit import field, home, modal, plain, section

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox import SandboxServer


async def refused(call: Awaitable[object]) -> str:
    """The error code of a call that must fail."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_trigger_lives_three_seconds_and_once(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """Too late, twice and invented: each has its code."""
    views = sandbox.workspace.views
    trigger = views.new_trigger(DANA)
    sandbox.advance(2.9)
    await client.views_open(trigger_id=trigger, view=modal())
    code = await refused(client.views_open(trigger_id=trigger, view=modal()))
    assert code == "exchanged_trigger_id"
    trigger = views.new_trigger(DANA)
    sandbox.advance(3.1)
    code = await refused(client.views_open(trigger_id=trigger, view=modal()))
    assert code == "expired_trigger_id"
    code = await refused(client.views_open(trigger_id="1.2.3", view=modal()))
    assert code == "invalid_trigger_id"
    code = await refused(client.api_call("views.open", json={"view": modal()}))
    assert code == "invalid_arguments"


async def test_a_wrong_view_does_not_use_the_trigger_up(
    sandbox: SandboxServer, client: AsyncWebClient
) -> None:
    """Arguments are looked at first; then the corrected view opens."""
    trigger = sandbox.workspace.views.new_trigger(DANA)
    wrong = modal(title=plain("x" * 25))
    with pytest.raises(SlackApiError) as caught:
        await client.views_open(trigger_id=trigger, view=wrong)
    assert caught.value.response["error"] == "invalid_arguments"
    (message,) = caught.value.response["response_metadata"]["messages"]
    assert message.endswith("less than 25 characters [json-pointer:/view/title/text]")
    assert (await client.views_open(trigger_id=trigger, view=modal()))["view"]["state"] == {
        "values": {"reason": {"text": {"type": "plain_text_input", "value": None}}}
    }


async def test_three_forms_are_the_limit(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """A fourth cannot be pushed; a push needs a trigger from a form."""
    views = sandbox.workspace.views
    opened = await client.views_open(trigger_id=views.new_trigger(DANA), view=modal())
    for _ in range(2):
        trigger = views.new_trigger(DANA, opened["view"]["id"])
        opened = await client.views_push(trigger_id=trigger, view=modal())
    assert opened["view"]["previous_view_id"] == views.stack(DANA)[1].id
    trigger = views.new_trigger(DANA, opened["view"]["id"])
    assert await refused(client.views_push(trigger_id=trigger, view=modal())) == (
        "push_limit_reached"
    )
    trigger = views.new_trigger(MAYA)
    assert await refused(client.views_push(trigger_id=trigger, view=modal())) == "not_found"


async def test_updates_know_their_version(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """An old hash conflicts; an unknown view is not found; what was typed stays."""
    trigger = sandbox.workspace.views.new_trigger(DANA)
    opened = await client.views_open(trigger_id=trigger, view=modal(external_id="mine"))
    first = opened["view"]
    typed = {"reason": {"text": {"type": "plain_text_input", "value": "half"}}}
    sandbox.workspace.views.remember(sandbox.workspace.views.stack(DANA)[0], typed)
    view = modal(section("loading"), field(), external_id="mine")
    updated = await client.views_update(external_id="mine", hash=first["hash"], view=view)
    assert updated["view"]["state"]["values"]["reason"]["text"]["value"] == "half"
    call = client.views_update(view_id=first["id"], hash=first["hash"], view=view)
    assert await refused(call) == "hash_conflict"
    assert await refused(client.views_update(view_id="V0NONE", view=modal())) == "not_found"
    trigger = sandbox.workspace.views.new_trigger(MAYA)
    call = client.views_open(trigger_id=trigger, view=modal(external_id="mine"))
    assert await refused(call) == "duplicate_external_id"


async def test_a_view_has_a_size(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """250 kB are too much, whatever they hold."""
    trigger = sandbox.workspace.views.new_trigger(DANA)
    big = modal(*[section("x" * 2900) for _ in range(90)])
    call = client.views_open(trigger_id=trigger, view=big)
    assert await refused(call) == "view_too_large"


async def test_publishing_a_home_tab(sandbox: SandboxServer, client: AsyncWebClient) -> None:
    """Each person has their own; a stale hash conflicts; bots have none."""
    first = await client.views_publish(user_id=DANA, view=home())
    await client.views_publish(user_id=DANA, view=home(section("new")), hash=first["view"]["hash"])
    call = client.views_publish(user_id=DANA, view=home(), hash=first["view"]["hash"])
    assert await refused(call) == "hash_conflict"
    assert await refused(client.views_publish(user_id=BUILDBOT, view=home())) == "user_not_found"
    assert await refused(client.views_publish(user_id=DANA, view=modal())) == "invalid_arguments"
    assert sandbox.person(MAYA).home is None
    manifest = sandbox.installation.manifest
    closed = manifest.home.model_copy(update={"home_tab_enabled": False})
    sandbox.installation.manifest = replace(manifest, home=closed)
    assert await refused(client.views_publish(user_id=DANA, view=home())) == "not_enabled"
