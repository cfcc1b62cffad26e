"""Telling people through a Slack that fails in every way that Slack fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.domain.grant import EndReason
from bot.domain.record import NoticeKind
from bot.engine.ports import PostLaterError, PostRefusedError
from bot.slack.calls import Calls, Label, Place
from bot.slack.message import Message
from bot.slack.pace import Pace
from sandbox.faults import Fault, FaultKind
from sandbox.player import buttons_of, text_of
from tests.slack_render.conftest import APPROVALS, AUDIT, Office, again
from tests.slack_render.gallery import DANA, MAYA, OLGA, asked

if TYPE_CHECKING:
    from sandbox.wire import Json

N = NoticeKind


def seen(office: Office, channel: str, *, thread: str | None = None) -> list[Json]:
    return office.sandbox.person(MAYA).sees(channel, thread=thread)


def own(office: Office) -> list[Json]:
    """What Dana finds in her conversation with the app."""
    return office.sandbox.person(DANA).dms()


# --- the card -----------------------------------------------------------------------------------


async def test_a_card_is_posted_once_and_edited_in_place(office: Office) -> None:
    """The same message goes through the whole life; its buttons go with the state."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    (card,) = seen(office, APPROVALS)
    assert buttons_of(card) == ["Approve", "Approve shorter", "Deny", "Cancel request"]
    assert "<!subteam^S0DBA>: please decide." in text_of(card)
    await office.tell(rows, office.notice(life.vote().confirm(), N.CARD))
    (card,) = seen(office, APPROVALS)
    assert buttons_of(card) == ["Revoke now"]
    await office.tell(rows, office.notice(life.finish(EndReason.EXPIRED).end(), N.CARD))
    (card,) = seen(office, APPROVALS)
    assert buttons_of(card) == []
    assert text_of(card).startswith("Ended, checked and gone")


async def test_an_edit_takes_a_turn_like_a_post(office: Office) -> None:
    """A card that changes often does not crowd out the channel's other messages."""
    turns: list[float] = []

    async def sleep(seconds: float) -> None:
        turns.append(seconds)

    web = office.calls._client
    calls = Calls(web, office.figures, Pace(burst=2, now=lambda: 0.0, sleep=sleep))
    place, shown = Place(APPROVALS), Message("words", ())
    _, ts = await calls.post(place, shown, Label(1, "card"))
    await calls.edit(place, ts, shown)
    assert turns == []
    await calls.edit(place, ts, shown)
    assert len(turns) == 1
    await calls.post(place, shown, Label(2, "line"))
    assert len(turns) == 2


async def test_a_card_that_shows_the_same_is_not_edited(office: Office) -> None:
    """A repeated notice costs no call."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    await office.tell(rows, office.notice(life, N.CARD))
    assert not office.sandbox.traffic.calls("chat.update")


async def test_a_card_goes_to_the_channel_of_its_resource(office: Office) -> None:
    """Where the policy names one, else to the approvals channel."""
    prod = replace(office.rules.current.resources["prod-db"], channel=AUDIT)
    office.rules.current = replace(office.rules.current, resources={"prod-db": prod})
    life = asked()
    await office.tell(office.open(life), office.notice(life, N.CARD))
    assert len(seen(office, AUDIT)) == 1
    assert not seen(office, APPROVALS)


async def test_a_card_that_is_gone_is_posted_anew(office: Office) -> None:
    """Somebody deleted it: the next news of the grant stands in a new one."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    workspace = office.sandbox.workspace
    lost = workspace.timeline.find(APPROVALS, rows.kept["card"].ts)
    assert lost is not None
    workspace.timeline.remove(lost)
    await office.tell(rows, office.notice(life.deny(), N.CARD))
    (card,) = seen(office, APPROVALS)
    assert card["ts"] == rows.kept["card"].ts != lost.ts


@pytest.mark.parametrize("kind", [FaultKind.STORED_THEN_DROP, FaultKind.STORED_THEN_STATUS])
async def test_a_card_whose_answer_was_lost_is_found_and_brought_up_to_date(
    office: Office, kind: FaultKind
) -> None:
    """It is never posted twice, and shows what is true when it is found."""
    life = asked()
    rows = office.open(life)
    office.sandbox.faults.add(Fault("chat.postMessage", kind))
    notice = office.notice(life, N.CARD)
    with pytest.raises(PostLaterError) as told:
        await office.tell(rows, notice)
    assert told.value.unsure
    life.deny()
    await office.tell(rows, again(notice))
    (card,) = seen(office, APPROVALS)
    assert "Denied" in text_of(card)
    assert rows.kept["card"].ts == card["ts"]


# --- lines --------------------------------------------------------------------------------------


async def test_lines_go_to_the_thread_and_ping_nobody(office: Office) -> None:
    """People are called by their names there."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    life.vote().confirm()
    for event in life.events[1:]:
        await office.tell(rows, office.notice(life, N.THREAD, seq=event.seq))
    texts = [text_of(line) for line in seen(office, APPROVALS, thread=rows.kept["card"].ts)[1:]]
    assert "Approved by Maya for 30 min." in texts[0]
    assert "The access is there, until" in texts[1]
    assert not any("<@" in text for text in texts)


async def test_a_line_brings_its_card_up_to_date(office: Office) -> None:
    """Who reads what happened finds no card that knows nothing of it."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    await office.tell(rows, office.notice(life.deny(), N.THREAD, seq=2))
    card, line = seen(office, APPROVALS, thread=rows.kept["card"].ts)
    assert "Denied" in text_of(card)
    assert "Denied" in text_of(line)


async def test_a_card_posted_anew_for_a_line_that_failed_is_the_card_from_then_on(
    office: Office,
) -> None:
    """The failure says where it stands; the next try posts the line alone, under it."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    timeline = office.sandbox.workspace.timeline
    lost = timeline.find(APPROVALS, rows.kept["card"].ts)
    assert lost is not None
    timeline.remove(lost)
    notice = office.notice(life.deny(), N.THREAD, seq=2)
    only = {"text": "Denied by Maya. “Not during the freeze.”"}
    office.sandbox.faults.add(Fault("chat.postMessage", FaultKind.RATELIMITED, match=only))
    with pytest.raises(PostLaterError) as told:
        await office.tell(rows, notice)
    (anew,) = told.value.postings
    rows.kept["card"] = anew
    await office.tell(rows, again(notice))
    card, line = seen(office, APPROVALS, thread=anew.ts)
    assert card["ts"] == anew.ts
    assert "Denied" in text_of(line)
    assert len(seen(office, APPROVALS)) == 1


async def test_a_line_waits_for_its_card_and_not_for_ever(office: Office) -> None:
    """Soon again; when the card was refused, the line is given up too."""
    life = asked().deny()
    rows = office.open(life)
    notice = office.notice(life, N.THREAD, seq=2)
    with pytest.raises(PostLaterError) as later:
        await office.tell(rows, notice)
    assert later.value.retry_after == 2
    assert not later.value.unsure
    with pytest.raises(PostRefusedError):
        await office.tell(rows, replace(notice, attempts=5))


async def test_a_line_whose_answer_was_lost_is_not_said_twice(office: Office) -> None:
    """In the audit channel and in a thread."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    life.vote()
    for kind in (N.AUDIT_LINE, N.THREAD):
        notice = office.notice(life, kind, seq=2)
        office.sandbox.faults.add(Fault("chat.postMessage", FaultKind.STORED_THEN_DROP))
        with pytest.raises(PostLaterError):
            await office.tell(rows, notice)
        await office.tell(rows, again(notice))
    assert len(seen(office, AUDIT)) == 1
    assert len(seen(office, APPROVALS, thread=rows.kept["card"].ts)) == 2


async def test_a_line_that_did_not_arrive_is_said(office: Office) -> None:
    """The search finds nothing, so it is posted."""
    life = asked()
    rows = office.open(life)
    notice = office.notice(life, N.AUDIT_LINE, seq=1)
    office.sandbox.faults.add(Fault("chat.postMessage", FaultKind.DROP))
    with pytest.raises(PostLaterError) as told:
        await office.tell(rows, notice)
    assert told.value.unsure
    await office.tell(rows, again(notice))
    (line,) = seen(office, AUDIT)
    assert line["text"].endswith(f"#1 {life.events[0].hash[:12]}")


async def test_a_line_of_another_app_is_never_adopted(office: Office) -> None:
    """Anybody can write the same metadata: it must not keep our line from being told."""
    life = asked()
    rows = office.open(life)
    notice = office.notice(life, N.AUDIT_LINE, seq=1)
    await office.tell(rows, notice)
    workspace = office.sandbox.workspace
    forged = workspace.timeline.find(AUDIT, seen(office, AUDIT)[0]["ts"])
    assert forged is not None
    forged.user = "U0BUILD"
    await office.tell(rows, again(notice))
    assert [line["user"] for line in seen(office, AUDIT)] == ["U0BUILD", workspace.bot]


async def test_without_the_history_scope_a_line_may_double(office: Office) -> None:
    """Nobody can look whether it arrived; told twice is better than not at all."""
    office.sandbox.installation.scopes -= {"groups:history"}
    life = asked()
    rows = office.open(life)
    notice = office.notice(life, N.AUDIT_LINE, seq=1)
    office.sandbox.faults.add(Fault("chat.postMessage", FaultKind.STORED_THEN_DROP))
    with pytest.raises(PostLaterError):
        await office.tell(rows, notice)
    await office.tell(rows, again(notice))
    assert len(seen(office, AUDIT)) == 2


async def test_a_search_that_fails_sends_nothing(office: Office) -> None:
    """As long as Slack cannot say whether a line arrived, it is not said again."""
    life = asked()
    rows = office.open(life)
    office.sandbox.faults.add(Fault("conversations.history", FaultKind.RATELIMITED, retry_after=7))
    with pytest.raises(PostLaterError) as told:
        await office.tell(rows, again(office.notice(life, N.AUDIT_LINE, seq=1)))
    assert told.value.retry_after == 7
    assert not seen(office, AUDIT)


async def test_an_overdue_line_calls_the_admins_with_what_to_do(office: Office) -> None:
    """The adapter's own instructions stand below it."""
    life = asked().vote().confirm().finish(EndReason.EXPIRED).alarm("must be superuser")
    await office.tell(office.open(life), office.notice(life, N.AUDIT_LINE, seq=life.events[-1].seq))
    (line,) = seen(office, AUDIT)
    assert f"<@{OLGA}>" in text_of(line)
    assert f"DROP ROLE curfew_{life.grant.id};" in text_of(line)


async def test_a_reminder_calls_the_approvers_only_while_it_waits(office: Office) -> None:
    """A reminder that comes late says nothing."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    await office.tell(rows, office.notice(life, N.REMINDER))
    thread = seen(office, APPROVALS, thread=rows.kept["card"].ts)
    assert "<!subteam^S0DBA>: this still waits for a decision." in text_of(thread[-1])
    life.deny()
    await office.tell(rows, office.notice(life, N.REMINDER))
    assert len(seen(office, APPROVALS, thread=rows.kept["card"].ts)) == len(thread)


# --- extensions ---------------------------------------------------------------------------------


async def test_an_extension_has_a_card_of_its_own(office: Office) -> None:
    """Posted in the approvals channel with its number, edited when it was decided."""
    life = asked().vote().confirm()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    life.extension()
    await office.tell(rows, office.notice(life, N.EXTENSION_CARD, number=1))
    card = seen(office, APPROVALS)[-1]
    ids = [e["action_id"] for b in card["blocks"] if b["type"] == "actions" for e in b["elements"]]
    assert ids == ["extension_approve:1", "extension_deny:1"]
    life.vote_extension().extend()
    decided = next(n for n in reversed(life.notices) if n.kind is N.EXTENSION_CARD)
    await office.tell(rows, office.notice(life, N.EXTENSION_CARD, **decided.data))
    assert len(seen(office, APPROVALS)) == 2
    card = seen(office, APPROVALS)[-1]
    assert buttons_of(card) == []
    assert "More time: given" in text_of(card)


async def test_news_of_an_extension_that_is_decided_already_waits_for_its_outcome(
    office: Office,
) -> None:
    """A late notice shows nothing that is no longer so."""
    life = asked().vote().confirm().extension().vote_extension().extend()
    delivered = await office.tell(
        office.open(life), office.notice(life, N.EXTENSION_CARD, number=1)
    )
    assert not delivered.postings
    assert not seen(office, APPROVALS)


# --- the requester ------------------------------------------------------------------------------


async def test_former_messages_lose_the_buttons_that_no_longer_apply(office: Office) -> None:
    """With each new message, and when the access is taken away."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.DM_ASKED))
    assert buttons_of(own(office)[0]) == ["Cancel request"]
    await office.tell(rows, office.notice(life.vote(), N.DM_DECIDED))
    assert [buttons_of(message) for message in own(office)] == [[], []]
    await office.tell(rows, office.notice(life.confirm(), N.DM_GRANTED))
    assert buttons_of(own(office)[-1]) == ["Get credentials", "Extend", "Revoke now"]
    await office.tell(rows, office.notice(life.revoke(), N.DM_REFRESH))
    assert [buttons_of(message) for message in own(office)] == [[], [], []]
    assert rows.kept["dm_asked"].channel.startswith("D")


async def test_a_second_warning_takes_the_buttons_of_the_first(office: Office) -> None:
    """There is one place to press."""
    life = asked().vote().confirm()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.DM_WARNING))
    await office.tell(rows, office.notice(life, N.DM_WARNING))
    assert [buttons_of(message) for message in own(office)] == [[], ["Extend", "Revoke now"]]


async def test_a_message_whose_answer_was_lost_is_not_sent_twice(office: Office) -> None:
    """Its conversation is known from an earlier message."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.DM_ASKED))
    notice = office.notice(life.vote(), N.DM_DECIDED)
    office.sandbox.faults.add(Fault("chat.postMessage", FaultKind.STORED_THEN_DROP))
    with pytest.raises(PostLaterError):
        await office.tell(rows, notice)
    await office.tell(rows, again(notice))
    assert len(own(office)) == 2
    assert rows.kept["dm_decided"].ts == own(office)[-1]["ts"]


async def test_a_former_message_that_is_gone_holds_nothing_up(office: Office) -> None:
    """What cannot be edited is left; the news arrives."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.DM_ASKED))
    rows.kept["dm_asked"] = replace(rows.kept["dm_asked"], ts="1.000001")
    await office.tell(rows, office.notice(life.vote(), N.DM_DECIDED))
    assert "Approved" in text_of(own(office)[-1])


async def test_somebody_who_was_deactivated_is_not_told(office: Office) -> None:
    """A final no: the outbox makes an event of it."""
    life = asked()
    office.sandbox.admin.change_user(DANA, deleted=True)
    with pytest.raises(PostRefusedError) as told:
        await office.tell(office.open(life), office.notice(life, N.DM_ASKED))
    assert told.value.code == "channel_not_found"
    assert not office.poster.troubles


# --- verdicts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "retry_after", "unsure"),
    [
        (Fault("chat.postMessage", FaultKind.RATELIMITED, retry_after=9), 9, False),
        (
            Fault("chat.postMessage", FaultKind.RATELIMITED, retry_after=9, with_json=False),
            9,
            False,
        ),
        (Fault("chat.postMessage", FaultKind.STATUS, status=500), None, True),
        (Fault("chat.postMessage", FaultKind.STATUS, status=502), None, True),
        (Fault("chat.postMessage", FaultKind.STATUS, status=504), None, True),
        (Fault("chat.postMessage", FaultKind.NOT_JSON), None, True),
        (Fault("chat.postMessage", FaultKind.DROP), None, True),
        (Fault("chat.postMessage", FaultKind.ERROR, error="internal_error"), None, True),
        (Fault("chat.postMessage", FaultKind.ERROR, error="service_unavailable"), None, False),
        (Fault("chat.postMessage", FaultKind.ERROR, error="token_revoked"), 60, False),
        (Fault("chat.postMessage", FaultKind.ERROR, error="missing_scope"), 60, False),
    ],
    ids=lambda value: (
        f"{value.kind}-{value.error}-{value.status}" if isinstance(value, Fault) else ""
    ),
)
async def test_what_time_may_heal_is_tried_again(
    office: Office, fault: Fault, retry_after: float | None, *, unsure: bool
) -> None:
    """As late as Slack asks, and knowing whether it may have arrived; sent once each time."""
    office.sandbox.faults.add(replace(fault))
    life = asked()
    with pytest.raises(PostLaterError) as told:
        await office.tell(office.open(life), office.notice(life, N.CARD))
    assert told.value.retry_after == retry_after
    assert told.value.unsure is unsure
    assert len(office.sandbox.traffic.calls("chat.postMessage")) == 1
    assert sum(office.figures.errors.values()) == 1


async def test_an_edit_is_never_unsure(office: Office) -> None:
    """It may be repeated as often as one likes."""
    life = asked()
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    office.sandbox.faults.add(Fault("chat.update", FaultKind.STATUS, status=503))
    with pytest.raises(PostLaterError) as told:
        await office.tell(rows, office.notice(life.deny(), N.CARD))
    assert not told.value.unsure


@pytest.mark.parametrize("state", ["archived", "kicked"])
async def test_a_channel_that_cannot_be_posted_to_is_a_final_no(office: Office, state: str) -> None:
    """For cards; it is named for the operator until a message gets through."""
    channel = office.sandbox.workspace.channels[APPROVALS]
    if state == "archived":
        channel.is_archived = True
    else:
        channel.members.remove(office.sandbox.workspace.bot)
    life = asked()
    rows = office.open(life)
    with pytest.raises(PostRefusedError):
        await office.tell(rows, office.notice(life, N.CARD))
    assert APPROVALS in office.poster.troubles
    channel.is_archived = False
    if office.sandbox.workspace.bot not in channel.members:
        channel.members.append(office.sandbox.workspace.bot)
    await office.tell(rows, office.notice(life, N.CARD))
    assert not office.poster.troubles


async def test_the_audit_lane_never_gives_up(office: Office) -> None:
    """Its lines wait for the channel to come back."""
    office.sandbox.workspace.channels[AUDIT].is_archived = True
    life = asked()
    rows = office.open(life)
    notice = office.notice(life, N.AUDIT_LINE, seq=1)
    with pytest.raises(PostLaterError) as told:
        await office.tell(rows, notice)
    assert told.value.retry_after == 60
    assert AUDIT in office.poster.troubles
    office.sandbox.workspace.channels[AUDIT].is_archived = False
    await office.tell(rows, notice)
    assert len(seen(office, AUDIT)) == 1


async def test_a_token_that_was_revoked_is_named_until_it_works_again(office: Office) -> None:
    """One sentence for `/readyz`."""
    office.sandbox.faults.add(
        Fault("chat.postMessage", FaultKind.ERROR, error="missing_scope", needed="chat:write")
    )
    life = asked()
    rows = office.open(life)
    with pytest.raises(PostLaterError):
        await office.tell(rows, office.notice(life, N.CARD))
    assert office.poster.troubles == {
        "app": "Slack refuses the app: missing_scope (needs chat:write)."
    }
    await office.tell(rows, office.notice(life, N.CARD))
    assert not office.poster.troubles


async def test_what_is_posted_can_be_found_again_and_unfurls_nothing(office: Office) -> None:
    """A link in a reason makes no picture, and the notice's number travels unseen."""
    life = asked("see https://example.com/INC-4711")
    rows = office.open(life)
    await office.tell(rows, office.notice(life, N.CARD))
    (call,) = office.sandbox.traffic.calls("chat.postMessage")
    assert call["args"]["unfurl_links"] is False
    assert call["args"]["unfurl_media"] is False
    assert call["args"]["metadata"] == {
        "event_type": "curfew_notice",
        "event_payload": {"notice_id": 1, "role": "card", "grant": life.grant.id},
    }
