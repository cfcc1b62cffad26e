"""The forms: within limits for any policy and any text, and asking what the gateway reads."""

from datetime import timedelta

import pytest

from adapters.base import Ask, Credential, Snippet
from bot.domain.policy import Provider, Resource
from bot.slack.actions import ActionId, Field, FormId, extension_action, parse_action
from bot.slack.errand import Errand, parse_errand
from bot.slack.forms import (
    answers_form,
    credentials_form,
    deny_form,
    extend_form,
    extension_deny_form,
    moment_form,
    notice_form,
    request_form,
    shorter_form,
)
from bot.slack.words import Words
from sandbox.player import text_of
from tests.slack_render.gallery import START, asked
from tests.slack_render.kit import check_whole_view
from tests.slack_render.test_limits import HOSTILE

WORDS = Words()
ERRAND = Errand("7k2m9qx4trvw", "C0APPROVE", 2)


def offers(count: int, about: str = "Orders, read only") -> list[Resource]:
    provider = Provider("p", "demo", {})
    return [
        Resource(
            name=f"db-{number:05}",
            provider=provider,
            grant={},
            requesters=(),
            approvers=(),
            about=about,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 100, 101, 250, 1_000, 1_001])
@pytest.mark.parametrize("about", ["Orders, read only", "é" * 200, ""])
def test_any_number_of_resources_can_be_chosen_from(count: int, about: str) -> None:
    """In one menu, in groups, or by name: the form stays below Slack's size."""
    view = request_form(
        WORDS, offers(count, about), errand=Errand(channel="C1"), resource="db-00000"
    ).to_dict()
    check_whole_view(view)
    chosen = view["blocks"][0]["element"]
    assert "db-00000" in str(chosen.get("initial_option") or chosen.get("initial_value"))


def test_the_request_form_is_filled_with_what_was_said() -> None:
    """Nobody types anything twice."""
    view = request_form(
        WORDS,
        offers(2),
        errand=ERRAND,
        resource="db-00001",
        duration=timedelta(minutes=90),
        starts_at=START,
        reason="fix <it>",
    ).to_dict()
    asked_for = {block["block_id"]: block["element"] for block in view["blocks"]}
    assert list(asked_for) == [Field.RESOURCE, Field.DURATION, Field.START, Field.REASON]
    assert all(element["action_id"] == name for name, element in asked_for.items())
    assert asked_for["resource"]["initial_option"]["value"] == "db-00001"
    assert asked_for["duration"]["initial_value"] == "1h30m"
    assert asked_for["start"]["initial_date_time"] == int(START.timestamp())
    assert asked_for["reason"]["initial_value"] == "fix <it>"
    assert view["callback_id"] == FormId.REQUEST
    assert parse_errand(view["private_metadata"]) == ERRAND


def test_a_chosen_resource_brings_its_usual_duration() -> None:
    """An empty one is the usual one too."""
    view = request_form(WORDS, offers(1), errand=Errand(), resource="db-00000").to_dict()
    assert view["blocks"][1]["element"]["initial_value"] == "30m"
    view = request_form(WORDS, offers(1), errand=Errand()).to_dict()
    assert "initial_value" not in view["blocks"][1]["element"]
    assert view["blocks"][1]["optional"]


def test_who_may_ask_for_nothing_is_told_so() -> None:
    """A menu needs at least one option."""
    view = request_form(WORDS, [], errand=Errand()).to_dict()
    check_whole_view(view)
    assert "There is nothing here that you may ask for." in text_of(view)


@pytest.mark.parametrize("reason", HOSTILE)
def test_any_text_fits_into_every_form(reason: str) -> None:
    """As a reason, an error, a hint, a secret."""
    grant = asked(reason, name=reason).vote().confirm().grant
    credential = Credential((Snippet(reason, reason), Snippet("psql", "x" * 8_000)), note=reason)
    for view in (
        request_form(WORDS, offers(1, reason), errand=ERRAND, reason=reason),
        shorter_form(WORDS, grant, errand=ERRAND),
        deny_form(WORDS, grant, errand=ERRAND),
        extend_form(WORDS, grant, errand=ERRAND),
        extension_deny_form(WORDS, grant, errand=ERRAND),
        moment_form(WORDS),
        moment_form(WORDS, "credentials:V0123456789"),
        answers_form(WORDS, [Ask("key", reason or "-", reason), Ask("b", "B")], errand=ERRAND),
        credentials_form(WORDS, grant, credential),
        notice_form(WORDS, reason, reason),
    ):
        check_whole_view(view.to_dict())


def test_credentials_are_shown_exactly_and_said_to_be_shown_once() -> None:
    """What is copied is what the adapter gave, markup and all."""
    secret = "postgresql://u:p*_~`<&>@h/db"
    grant = asked().vote().confirm().grant
    view = credentials_form(WORDS, grant, Credential((Snippet("Connection", secret),))).to_dict()
    check_whole_view(view)
    (block,) = [block for block in view["blocks"] if block["type"] == "rich_text"]
    assert block["elements"][0]["type"] == "rich_text_preformatted"
    assert block["elements"][0]["elements"] == [{"type": "text", "text": secret}]
    assert "Shown once, never stored" in text_of(view)
    assert secret not in view["private_metadata"]
    assert "submit" not in view


def test_a_line_to_paste_can_be_copied_from_a_refusal() -> None:
    """It stands in code, with no look-alikes in it."""
    view = notice_form(WORDS, "That is not a duration.", "/access prod_db 30m *reason*").to_dict()
    assert "```\n/access prod_db 30m *reason*\n```" in text_of(view)


def test_an_extension_is_asked_for_within_the_limit() -> None:
    """The usual half hour, or what is left."""
    grant = asked().vote().confirm().grant
    view = extend_form(WORDS, grant, errand=ERRAND).to_dict()
    assert view["blocks"][0]["element"]["initial_value"] == "30m"
    assert "At most 3 h 31 min more." in text_of(view)


def test_an_errand_survives_the_way_and_nonsense_is_an_errand_about_nothing() -> None:
    """The engine refuses what is about nothing."""
    assert parse_errand(ERRAND.dump()) == ERRAND
    for nonsense in ("", "{", "[]", "null", '"x"', '{"number": "2"}', "x" * 5_000):
        assert parse_errand(nonsense) == Errand()


def test_action_ids_are_read_back() -> None:
    """The number of an extension stands behind a colon."""
    assert parse_action("approve") == (ActionId.APPROVE, None)
    made = extension_action(ActionId.EXTENSION_DENY, 12)
    assert parse_action(made) == (ActionId.EXTENSION_DENY, 12)
    for unknown in ("nothing", "approve:x", ""):
        with pytest.raises(ValueError, match=r".+"):
            parse_action(unknown)
