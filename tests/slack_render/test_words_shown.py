"""A few messages as people read them, word for word."""

from dataclasses import replace
from datetime import timedelta

from markupsafe import Markup

from bot.domain.grant import EndReason, altered
from bot.slack.cards import extension_card, request_card
from bot.slack.dms import own_message
from bot.slack.lines import Occasion, audit_line, thread_line
from bot.slack.text import escaped
from bot.slack.words import Words
from sandbox.player import text_of
from tests.slack_render.gallery import OLGA, START, Life, asked, lives
from tests.slack_render.kit import buttons

WORDS = Words()
WHEN = "{date_short_pretty} at {time}"


def card(life: Life) -> list[str]:
    return text_of(list(request_card(WORDS, life.story()).blocks)).split("\n")


def audit(life: Life) -> list[str]:
    return [
        audit_line(WORDS, Occasion(event, life.grant, tuple(life.events))).text
        for event in life.events
    ]


def test_the_card_of_a_request() -> None:
    """Who, what, for how long, what happens to sessions, why, who decides, until when."""
    assert card(asked(approvals=2).vote()) == [
        "🟡 *Waiting for approval* · 1 of 2 · <@U0DANA> · `prod-db`",
        "*What*",
        "`prod-db`",
        "Orders database, read only",
        "*For how long*",
        "30 min",
        "*Ends open sessions*",
        "yes",
        "The reason, in the requester's words:",
        "fix the stuck order 4711",
        (
            "<!subteam^S0DBA>, <@U0OMAR>: please decide."
            f" Lapses <!date^1772445600^{WHEN}|2026-03-02 10:00 UTC>. Approved so far by <@U0MAYA>."
        ),
        (
            "It is a login for this grant alone. The provider does not end it by itself."
            " What was asked of it and got lost may still come true 10 s later;"
            " the end waits for that."
        ),
        "Approve",
        "Approve shorter",
        "Deny",
        "Cancel request",
        "Grant `7k2m9qx4trvw`",
    ]


def test_the_text_of_a_card_leaves_nothing_out() -> None:
    """Screen readers and notifications have only this: the state comes first."""
    assert request_card(WORDS, asked().story()).text == (
        "Waiting for approval: Dana asks for prod-db (Orders database, read only), for 30 min."
        " Ends open sessions: yes. It is a login for this grant alone."
        " The reason in their words: fix the stuck order 4711. Grant 7k2m9qx4trvw."
    )


def test_every_state_is_said_first() -> None:
    """In the text, the first word is the state's."""
    said = {name: request_card(WORDS, life.story()).text for name, life in lives().items()}
    first = {
        "pending": "Waiting for approval",
        "scheduled": "Approved, starts ",
        "granting": "Approved, being set up",
        "active": "Active until ",
        "revoking": "Ending, being taken away",
        "overdue": "Overdue, could not be taken away yet",
        "expired": "Ended, checked and gone",
        "denied": "Denied by <@U0MAYA>",
        "cancelled": "Cancelled",
        "lapsed": "Lapsed, nobody decided in time",
        "failed": "Failed, no access was given",
        "held": "Not given, Dana has prod-db already",
    }
    assert {name: said[name].startswith(words) for name, words in first.items()} == dict.fromkeys(
        first, True
    )


def test_granted_and_ended_are_said_only_when_they_were_seen() -> None:
    """While the provider has not said so, no card speaks of them."""
    for name in ("granting", "approved by the policy", "scheduled"):
        assert "Active" not in "\n".join(card(lives()[name]))
    for name in ("revoking", "overdue", "failing"):
        assert "Ended, checked" not in "\n".join(card(lives()[name]))


def test_the_end_of_a_card_says_why_and_by_whom() -> None:
    """The last line before the small print."""
    life = asked().vote().confirm().revoke(OLGA, "wrong table").end()
    details = card(life)[-2]
    assert details == (
        "Approved by <@U0MAYA>."
        f" Started <!date^1772442120^{WHEN}|2026-03-02 09:02 UTC>."
        f" Ended early by <@U0OLGA> <!date^1772442180^{WHEN}|2026-03-02 09:03 UTC>. “wrong table”"
        f" Seen to be gone <!date^1772442240^{WHEN}|2026-03-02 09:04 UTC>."
    )


def test_audit_lines_of_a_whole_life() -> None:
    """Each names the event, the person, who did it, the resource, the grant, and its seal."""
    life = asked().vote().confirm().extension().vote_extension().extend().revoke(OLGA).end()
    told = {line.split(" · ")[0]: line for line in audit(life)}
    tail = {event.kind.value: f"#{event.seq} {event.hash[:12]}" for event in life.events}
    assert told["*Started*"] == (
        f"*Started* · <@U0DANA> has `prod-db` until <!date^1772443860^{WHEN}|2026-03-02 09:31 UTC>"
        f" · `7k2m9qx4trvw` · {tail['grant.started']}"
    )
    assert told["*Extended* by <@U0MAYA>"] == (
        "*Extended* by <@U0MAYA> · <@U0DANA> has `prod-db` for 30 min more, until"
        f" <!date^1772445660^{WHEN}|2026-03-02 10:01 UTC> · `7k2m9qx4trvw`"
        f" · {tail['grant.extended']}"
    )
    assert told["*Revoked* by <@U0OLGA>"] == (
        "*Revoked* by <@U0OLGA> · `prod-db` of <@U0DANA>, being taken away · `7k2m9qx4trvw`"
        f" · {tail['grant.revoked']}"
    )
    assert told["*Verified gone*"] == (
        "*Verified gone* · `prod-db` of <@U0DANA> is no longer at the provider · `7k2m9qx4trvw`"
        f" · {tail['grant.ended']}"
    )


def test_the_line_that_ends_an_alarm_says_how_long_it_lasted() -> None:
    """Whoever was called hears that it is over; in a life without alarm nothing is said of it."""
    life = asked().vote().confirm().finish(EndReason.EXPIRED).alarm().end()
    assert "after it was overdue for 1 min" in audit(life)[-1]


def test_an_operator_at_the_command_line_is_named() -> None:
    """As the log names them."""
    life = asked().vote().confirm().revoke("cli:olga")
    assert audit(life)[-1].startswith("*Revoked* by olga at the command line · ")


def test_an_overdue_line_ends_with_its_seal_too() -> None:
    """Below the instructions, in the text as in the blocks."""
    life = asked().vote().confirm().finish(EndReason.EXPIRED).alarm()
    event = life.events[-1]
    shown = audit_line(
        WORDS, Occasion(event, life.grant, (), Markup("<@U0OLGA>"), "DROP ROLE x;\n  -- then")
    )
    seal = f"#{event.seq} {event.hash[:12]}"
    assert shown.text.endswith(
        "<@U0OLGA>: it is tried again and again. What a human can do:\n"
        f"```\nDROP ROLE x;\n  -- then\n```\n{seal}"
    )
    assert text_of(list(shown.blocks)).endswith(seal)


def test_a_thread_line_calls_people_by_their_names() -> None:
    """And what they are called like can do nothing."""
    life = asked(approvals=2).vote()
    line = thread_line(
        WORDS, Occasion(life.events[-1], life.grant), lambda _: escaped("*Maya* <!here>")
    )
    assert line.text == "Approved by \u2217Maya\u2217 &lt;!here&gt;, 1 of 2."


def test_what_the_requester_reads() -> None:
    """From the asking to the end."""
    life = asked(reason="")
    said = [own_message(WORDS, life.story(), "dm_asked").text]
    said.append(own_message(WORDS, life.vote().story(), "dm_decided").text)
    said.append(own_message(WORDS, life.confirm().story(), "dm_granted").text)
    life.finish(EndReason.EXPIRED).end()
    said.append(own_message(WORDS, life.story(), "dm_ended").text)
    assert said == [
        (
            "*Asked.* `prod-db` for 30 min. It waits for <!subteam^S0DBA>, <@U0OMAR> and lapses"
            f" <!date^1772445600^{WHEN}|2026-03-02 10:00 UTC>."
        ),
        "*Approved* by <@U0MAYA>: `prod-db` for 30 min. You are told when it is there.",
        f"*You have* `prod-db` until <!date^1772443860^{WHEN}|2026-03-02 09:31 UTC> (30 min).",
        "*Ended.* `prod-db` is gone: its time was over.",
    ]


def test_a_denial_shows_the_reason_in_a_block_of_its_own() -> None:
    """Somebody's own words are never in a sentence of ours."""
    life = asked().deny("Not *today*.")
    shown = own_message(WORDS, life.story(), "dm_decided", {"reason": "Not *today*."})
    assert shown.blocks[0]["text"]["text"] == "*Denied* by <@U0MAYA>: `prod-db`. Why:"  # type: ignore[index] # a section
    assert shown.blocks[1]["text"] == {  # as it was written
        "type": "plain_text",
        "text": "Not *today*.",
        "emoji": False,
    }


def test_buttons_by_state_and_place() -> None:
    """Only what applies, in the words of the contract."""
    at = {name: buttons(request_card(WORDS, life.story())) for name, life in lives().items()}
    asking = ["Approve", "Approve shorter", "Deny", "Cancel request"]
    assert {name for name, shown in at.items() if shown == asking} == {"pending", "pending, 1 of 2"}
    assert at["scheduled"] == ["Cancel request", "Revoke now"]
    assert at["granting"] == at["active"] == ["Revoke now"]
    over = [name for name, life in lives().items() if life.grant.state.value not in _LIVE]
    assert all(at[name] == [] for name in [*over, "revoking", "overdue"])
    granted = {
        name: buttons(own_message(WORDS, life.story(), "dm_granted"))
        for name, life in lives().items()
    }
    assert granted["active"] == ["Get credentials", "Extend", "Revoke now"]
    assert granted["active, cannot be extended"] == ["Get credentials", "Revoke now"]
    assert granted["extension open"] == ["Get credentials", "Revoke now"]
    assert granted["revoking"] == []


_LIVE = {"pending", "scheduled", "granting", "active", "revoking"}


def test_extend_goes_when_the_limit_leaves_no_room() -> None:
    """What would be refused is not offered."""
    life = asked().vote().confirm()
    limit = timedelta(minutes=29)  # a minute went by before it started
    life.grant = altered(life.grant, terms=replace(life.grant.terms, max_duration=limit))
    assert "Extend" not in buttons(own_message(WORDS, life.story(), "dm_granted"))


def test_only_what_takes_from_another_person_asks_twice() -> None:
    """Revoke now on the card; nowhere in one's own messages."""
    life = asked().vote().confirm()
    on_card = request_card(WORDS, life.story()).blocks
    sure = [e.get("confirm") for b in on_card if b["type"] == "actions" for e in b["elements"]]  # type: ignore[attr-defined] # an actions block
    assert sure[0]["text"]["text"] == "Dana loses prod-db at once. Open sessions are cut."
    waiting = request_card(WORDS, asked().story()).blocks
    own = own_message(WORDS, life.story(), "dm_granted").blocks
    for blocks in (waiting, own):
        assert "confirm" not in str(blocks)


def test_a_button_carries_the_grant_id_and_nothing_else() -> None:
    """Authority comes from the payload and the row."""
    life = asked().vote().confirm().extension()
    card_of_it = extension_card(WORDS, life.story(), 1)
    assert card_of_it is not None
    for shown in (
        request_card(WORDS, asked().story()),
        request_card(WORDS, life.story()),
        own_message(WORDS, life.story(), "dm_granted"),
        card_of_it,
    ):
        values = {
            e["value"]
            for b in shown.blocks
            if b["type"] == "actions"
            for e in b["elements"]  # type: ignore[attr-defined] # an actions block
        }
        assert values == {life.grant.id}


def test_a_card_says_when_it_starts() -> None:
    """Where the access was asked for later."""
    life = asked(starts_at=START + timedelta(hours=3))
    assert f"<!date^1772452800^{WHEN}|2026-03-02 12:00 UTC>" in card(life)
