"""Text from people: it pings nobody, formats nothing, imitates nobody, and names nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bot.domain.grant import State
from sandbox.player import text_of
from tests.security.house import POLICY, House

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.security.conftest import Build

PINGS = (
    "<!channel>",
    "<!here>",
    "<!everyone>",
    "<@U0OLGA>",
    "<!subteam^S0OPS>",
    "<#C0AUDIT>",
    "<https://evil.example|the runbook>",
    "<mailto:x@evil.example|ask me>",
    "<!date^0^{date}^https://evil.example|soon>",
)
IMITATION = "fix it\n\n*Approved by <@U0MAYA>*\n`curfew` ends never\u202e\u200bdetsurt"


def shown(thing: object, where: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a message or view with the kind of text object that it stands in."""
    if isinstance(thing, dict):
        kind = str(thing.get("type", where)) if "text" in thing or "elements" in thing else where
        for key, value in thing.items():
            yield from shown(value, "fallback" if (key, where) == ("text", "") else kind)
    elif isinstance(thing, list):
        for value in thing:
            yield from shown(value, where)
    elif isinstance(thing, str):
        yield where, thing


def posted(here: House) -> list[dict[str, object]]:
    """All that the bot sent to Slack to be shown."""
    methods = ("chat.postMessage", "chat.update", "chat.postEphemeral", "views.open")
    more = ("views.update", "views.publish")
    calls = [call for name in (*methods, *more) for call in here.sandbox.traffic.calls(name)]
    return [dict(call["args"]) for call in calls]


@pytest.mark.parametrize("ping", PINGS)
async def test_01_nobody_is_pinged(here: House, ping: str) -> None:
    """Mentions and links in a reason are text wherever they appear, from the asking to the end."""
    said = await here.dana.command(f"/access prod-db 30m look {ping} here")
    card = await here.maya.waits_for("Approve shorter", channel="approvals")
    await here.maya.click("Deny", message=card)
    await here.maya.waits_for_modal("Why")
    await here.maya.submit({"reason": f"no {ping} today"})
    await here.until(State.DENIED)
    await here.dana.waits_for("today")
    await here.dana.open_home()
    await here.sandbox.until(lambda: here.dana.home is not None)
    await here.told(here.dana, f"/access zzz {ping}")

    def quoting() -> list[object]:
        return [place for place in posted(here) if "look" in json.dumps(place)]

    await here.sandbox.until(lambda: len(quoting()) > 2)  # the card, its last state, a line
    for place in [said["response"], *posted(here)]:
        for kind, text in shown(place):
            assert kind == "plain_text" or ping not in text, (kind, text)


async def test_01_names_are_not_looked_for(here: House) -> None:
    """Slack is never asked to turn words into mentions, or to unfold links."""
    await here.asked("/access prod-db 30m see @channel and https://evil.example/x")

    for place in posted(here):
        assert not place.get("link_names")
        assert place.get("parse") in {None, "none"}
        if "channel" in place and "ts" not in place and "user" not in place:
            assert place["unfurl_links"] is False
            assert place["unfurl_media"] is False


async def test_02_nobody_imitates_the_bot(here: House) -> None:
    """The reason stands in a block of its own as plain text; what is unseen in it is shown."""
    typed = {
        "resource": {"type": "static_select", "selected_option": {"value": "prod-db"}},
        "reason": {"type": "plain_text_input", "value": IMITATION},
    }
    await here.send("interactive", here.form("U0DANA", "request_form", "{}", typed))
    card = await here.maya.waits_for("Approve shorter", channel="approvals")
    quoted = [text for kind, text in shown(card["blocks"]) if "Approved by" in text]

    assert len(quoted) == 1
    assert "[U+202E]" in quoted[0]
    assert "\u200b" not in json.dumps(card, ensure_ascii=False)
    for kind, text in shown(card):
        assert kind == "plain_text" or "Approved by <@" not in text
    assert (await here.only()).reason == IMITATION.strip()


async def test_02_a_long_reason_is_cut_on_the_card_alone(here: House) -> None:
    """Three thousand characters are shown cut with a mark and kept whole; more are refused."""
    whole = "x" * 2_990 + " the end"
    card = await here.asked(f"/access prod-db 30m {whole}")

    assert "cut, whole text in the log" in text_of(card)
    assert (await here.only()).reason == whole
    assert "3000 are the most" in await here.told(here.dana, "/access vault 30m " + "y" * 3_001)


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "a\x00b\x00c\x00d",
        "\ud800 half a pair",
        "\udfff\udfff\udfff\udfff",
        "\ufffe\uffff" * 4,
    ],
)
async def test_02_text_that_no_database_keeps(on_each: House, text: str) -> None:
    """A null byte or half of a surrogate pair is answered with a sentence, never with a fault."""
    here = on_each
    typed = {
        "resource": {"type": "static_select", "selected_option": {"value": "prod-db"}},
        "reason": {"type": "plain_text_input", "value": f"the reason {text}"},
    }
    status, body = await here.send("interactive", here.form("U0DANA", "request_form", "{}", typed))

    assert status == 200
    assert "(ref " not in body


@pytest.mark.parametrize(
    "name",
    [
        "prod-db%20",
        "prod-db/../vault",
        "рrod-db",  # noqa: RUF001 - the first letter is Cyrillic: that is the attack
        "prod_db",
        "prod-db;",
        "prod-db'--",
        "prod-*",
        "{{prod-db}}",
        "${ORDERS_ADMIN_DSN}",
        "%(resource)s",
        "prod-db\u0301",
    ],
)
async def test_16_names_are_matched_whole(here: House, name: str) -> None:
    """What only looks like a resource's name is none: nothing is asked for, nothing is expanded."""
    answer = await here.told(here.dana, f"/access {name} 30m fix the stuck order")
    password = here.shop.admin_dsn.partition("curfew_admin:")[2].partition("@")[0]

    assert "neither a resource nor a command" in answer
    assert password not in answer
    assert await here.grants() == []


async def test_16_case_and_quotes_are_no_other_resource(here: House) -> None:
    """Case and what cannot be seen make no second resource beside the first: one live grant."""
    await here.asked("/access PROD-DB 30m fix the stuck order")
    answer = await here.told(here.dana, "/access “prod-db”\u200b 30m fix the stuck order")

    assert "is waiting for a decision" in answer
    assert [grant.resource for grant in await here.grants()] == ["prod-db"]


@pytest.mark.parametrize(
    "word",
    [
        "0m",
        "-5m",
        "1e9h",
        "00m",
        "99999999999h",
        "\u0663\u0660m",
        "\uff13\uff10m",
        "30m30m",
        "1.5h",
        "30min",
        "+30m",
    ],
)
async def test_15_durations_are_read_wholly_or_refused(here: House, word: str) -> None:
    """No trick of writing becomes a time; the right form is shown."""
    answer = await here.told(here.dana, f"/access prod-db {word} fix the stuck order")
    grants = await here.grants()

    if grants:  # a word that is no number to begin with is the start of the reason
        assert grants[0].reason.startswith(word)
        assert grants[0].duration.total_seconds() == 1_800
    else:
        assert "duration" in answer


async def test_29_text_is_never_a_template(here: House) -> None:
    """Braces in a reason are shown as they are, on the card and in every message."""
    trick = "{{ 919*907 }} {% raw %} ${919*907} #{919*907} %s {0.__class__}"
    card = await here.asked(f"/access prod-db 30m {trick}")
    await here.maya.click("Approve", message=card)
    await here.until(State.ACTIVE)

    assert trick in text_of(card)
    assert str(919 * 907) not in text_of(card)


@pytest.mark.timeout(60)
async def test_29_patterns_of_the_policy_stop_nobody(build: Build) -> None:
    """A pattern that takes for ever in other engines is searched for at once."""
    evil = POLICY.replace(
        "  prod-db:\n", '  prod-db:\n    reason: {pattern: "^(([a-z])+.)+[A-Z]([a-z])+$"}\n', 1
    )
    here = await build(policy=evil)
    answer = await here.told(here.dana, "/access prod-db 30m " + "a" * 2_900)

    assert "has to contain something like" in answer
    assert (await here.read("/healthz"))[0] == 200
