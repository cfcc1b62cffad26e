"""The life of a grant: the table, its guards, and the log that it leaves."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from bot.domain import acts, chain, machine
from bot.domain.acts import Act, Role
from bot.domain.diagram import diagram, table
from bot.domain.drafts import Draft, Step
from bot.domain.errors import IllegalEventError, ProgramError, RefusalError
from bot.domain.grant import (
    AT_PROVIDER,
    LIVE,
    REPLAYABLE,
    EndReason,
    Grant,
    Kind,
    Order,
    Recipient,
    State,
    Task,
    Terms,
    altered,
    new_id,
)
from bot.domain.machine import RULES, open_grant, rule_for, step
from bot.domain.record import Event, EventKind, NoticeKind, SealedEvent
from bot.domain.replay import ERASED, replay
from bot.domain.schedule import Due, due, wake, warning_time

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DANA, MAYA, OMAR = "U0DANA", "U0MAYA", "U0OMAR"


def ask(**changes: object) -> acts.Ask:
    asked = acts.Ask(
        actor=DANA,
        role=Role.REQUESTER,
        grant_id=new_id(),
        resource="prod-db",
        reason="fix the stuck order",
        duration=30 * MINUTE,
        kind=Kind.STANDARD,
        order=Order("orders", "postgres", {"roles": ["reader"]}, Recipient(DANA, "d@example.com")),
        terms=Terms(1, 4 * 60 * MINUTE, 5 * MINUTE, 10 * MINUTE, 1),
        policy_hash="abc",
        decide_by=NOW + 60 * MINUTE,
    )
    return structs.replace(asked, **changes)


def terms(**changes: object) -> Terms:
    return dataclasses.replace(ask().terms, **changes)  # type: ignore[arg-type] # real fields


def opened(**changes: object) -> Grant:
    return open_grant(ask(**changes), NOW).grant


def vote(actor: str = MAYA, **more: object) -> acts.Vote:
    return acts.Vote(actor=actor, role=Role.APPROVER, **more)  # type: ignore[arg-type] # duration


def worker(act: type[Act], **fields: object) -> Act:
    return act(actor="worker", role=Role.WORKER, **fields)


def clock(act: type[Act], **fields: object) -> Act:
    return act(actor="clock", role=Role.CLOCK, **fields)


def after(grant: Grant, *doings: Act, now: datetime = NOW) -> Grant:
    for act in doings:
        grant = step(grant, act, now).grant
    return grant


def active(**changes: object) -> Grant:
    confirm = worker(acts.Confirm, native_end=None)
    return after(opened(**changes), vote(), confirm)


def more_time(by: timedelta = 10 * MINUTE) -> acts.AskExtension:
    return acts.AskExtension(actor=DANA, role=Role.REQUESTER, by=by, reason="not done")


def vote_more(actor: str = MAYA) -> acts.VoteExtension:
    return acts.VoteExtension(actor=actor, role=Role.APPROVER)


EXPIRE = clock(acts.Finish, why=EndReason.EXPIRED)
REVOKE = acts.Revoke(actor=MAYA, role=Role.APPROVER, reason="enough")
END = worker(acts.End)


# --- the table ------------------------------------------------------------------------------------


def test_the_only_way_out_of_access_is_revoking() -> None:
    """From granting and active no rule leads to a state without access but revoking."""
    out = {
        target
        for rule in RULES
        if rule.source in {State.GRANTING, State.ACTIVE}
        for target in rule.targets
    }

    assert out - AT_PROVIDER == set()
    assert {t for r in RULES if r.source is State.REVOKING for t in r.targets} == {
        State.REVOKING,
        State.ENDED,
    }


def test_nothing_leaves_an_end() -> None:
    """No rule has a state that is over as its source, and every live state has a way on."""
    sources = {rule.source for rule in RULES if rule.source is not None}

    assert sources == LIVE
    assert all(
        any(set(rule.targets) - {state} for rule in RULES if rule.source is state) for state in LIVE
    )


def test_every_rule_is_there_once() -> None:
    """One rule for each act and state, so the order of the table means nothing."""
    pairs = [(rule.act, rule.source) for rule in RULES]

    assert len(pairs) == len(set(pairs))


def test_the_docs_show_the_table() -> None:
    """The picture and the table in the docs are the ones made from the rules."""
    text = Path("docs/grant.md").read_text()

    assert diagram() in text
    assert table() in text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.act.verb}-{rule.source}")
def test_who_may_not_is_a_bug(rule: object) -> None:
    """An act in a role that its rule does not name is a bug of the caller, not a refusal."""
    assert rule in RULES
    with pytest.raises(ProgramError, match="is not for hook"):
        step(opened(), acts.Deny(actor=MAYA, role=Role.HOOK), NOW)


def test_an_act_without_a_rule_carries_what_was_found() -> None:
    """Too late a click is told the grant as it is."""
    grant = after(opened(), acts.Deny(actor=MAYA, role=Role.APPROVER))
    with pytest.raises(IllegalEventError) as caught:
        step(grant, vote(OMAR), NOW)

    assert caught.value.grant is grant


def test_a_transition_that_breaks_the_table_is_a_bug() -> None:
    """A draft that leads elsewhere, or changes the row without a word, is never written."""
    grant = active()
    elsewhere = Draft(altered(grant, state=State.ENDED))
    silent = Draft(altered(grant, duration=MINUTE))

    assert rule_for(acts.Ask, State.ACTIVE) is None
    rule = rule_for(acts.Warn, State.ACTIVE)
    assert rule is not None
    for draft in (elsewhere, silent):
        with pytest.raises(ProgramError):
            machine._complete(grant, draft, rule, clock(acts.Warn), NOW)


# --- deciding -------------------------------------------------------------------------------------


def test_the_clock_starts_with_the_access() -> None:
    """The end is counted from the decision, not from the asking."""
    later = NOW + 20 * MINUTE
    grant = step(opened(), vote(), later).grant

    assert grant.state is State.GRANTING
    assert grant.expires_at == later + 30 * MINUTE


def test_two_approvers_are_two_people() -> None:
    """The same person's second yes does not count; another's does."""
    grant = after(opened(terms=terms(approvals=2)), vote(MAYA))
    with pytest.raises(RefusalError) as caught:
        step(grant, vote(MAYA), NOW)

    assert caught.value.code == "voted_already"
    assert grant.state is State.PENDING
    assert after(grant, vote(OMAR)).state is State.GRANTING


@pytest.mark.parametrize(
    "act",
    [
        vote(DANA),
        acts.Deny(actor=DANA, role=Role.APPROVER),
    ],
)
def test_nobody_decides_on_their_own(act: Act) -> None:
    """The requester can neither approve nor deny."""
    with pytest.raises(RefusalError) as caught:
        step(opened(), act, NOW)

    assert caught.value.code.startswith("self_")


def test_an_approval_can_shorten_and_not_lengthen() -> None:
    """The shortest time that an approver allowed holds."""
    grant = after(opened(terms=terms(approvals=2)), vote(MAYA, duration=10 * MINUTE), vote(OMAR))

    assert grant.duration == 10 * MINUTE
    with pytest.raises(RefusalError) as caught:
        step(opened(), vote(duration=31 * MINUTE), NOW)

    assert caught.value.code == "longer"


def test_no_approval_needed_is_granted_at_once() -> None:
    """`approvals: 0` goes straight to granting, and the log says that the policy did it."""
    made = open_grant(ask(terms=terms(approvals=0)), NOW)

    assert made.grant.state is State.GRANTING
    assert [(e.kind, e.actor) for e in made.events] == [
        (EventKind.GRANT_REQUESTED, DANA),
        (EventKind.GRANT_APPROVED, "policy"),
    ]


def test_a_later_start_waits() -> None:
    """A request for later is scheduled when approved, and begins at its hour."""
    at = NOW + 60 * MINUTE
    grant = after(opened(starts_at=at), vote())

    assert (grant.state, grant.next_at, grant.expires_at) == (State.SCHEDULED, at, None)

    begun = after(grant, clock(acts.Start), now=at)

    assert begun.expires_at == at + 30 * MINUTE


def test_until_an_hour_holds_however_late_the_decision() -> None:
    """`until 18:00` ends then, though the approval came late."""
    grant = step(opened(ends_by=NOW + 30 * MINUTE), vote(), NOW + 25 * MINUTE).grant

    assert grant.expires_at == NOW + 30 * MINUTE


@pytest.mark.parametrize(
    ("act", "state", "reason"),
    [
        (acts.Deny(actor=MAYA, role=Role.APPROVER, reason="no"), State.DENIED, EndReason.DENIED),
        (acts.Cancel(actor=DANA, role=Role.REQUESTER), State.CANCELLED, EndReason.CANCELLED),
        (clock(acts.Lapse), State.LAPSED, EndReason.LAPSED),
    ],
)
def test_a_request_can_end_undone(act: Act, state: State, reason: EndReason) -> None:
    """Denied, cancelled and lapsed requests are over, and have nothing more to do."""
    grant = after(opened(), act)

    assert (grant.state, grant.end_reason, grant.next_at) == (state, reason, None)


def test_reminders_come_at_doubling_distance() -> None:
    """After 10, 30 and 70 minutes, and the lapse is never missed for one."""
    grant = opened(decide_by=NOW + 60 * MINUTE)
    first = wake(grant, NOW)
    second = wake(grant, NOW + 10 * MINUTE)
    third = wake(grant, NOW + 30 * MINUTE)

    assert (first, second, third) == (NOW + 10 * MINUTE, NOW + 30 * MINUTE, grant.decide_by)
    assert after(grant, clock(acts.Remind), now=NOW + 10 * MINUTE).next_at == second
    assert opened(terms=terms(remind_after=timedelta(0))).next_at == NOW + 60 * MINUTE


# --- access ---------------------------------------------------------------------------------------


def test_warned_once_before_the_end() -> None:
    """An active grant wakes for its warning, then for its end."""
    grant = active()

    assert warning_time(grant) == NOW + 25 * MINUTE
    assert grant.next_at == NOW + 25 * MINUTE
    assert after(grant, clock(acts.Warn), now=NOW + 25 * MINUTE).next_at == grant.expires_at


@pytest.mark.parametrize("ahead", [timedelta(0), 15 * MINUTE, 40 * MINUTE])
def test_no_warning_where_it_would_be_no_warning(ahead: timedelta) -> None:
    """Not shorter than half the grant: no warning."""
    assert active(terms=terms(warn_before=ahead)).next_at == NOW + 30 * MINUTE


def test_no_warning_time_before_there_is_an_end() -> None:
    """What is pending has nothing to be warned of."""
    assert warning_time(opened()) is None


def test_access_does_not_expire_early() -> None:
    """An expiry before the end would be a bug, and is one."""
    with pytest.raises(ProgramError):
        step(active(), EXPIRE, NOW + 29 * MINUTE)

    ended = after(active(), EXPIRE, now=NOW + 30 * MINUTE)

    assert (ended.state, ended.end_reason) == (State.REVOKING, EndReason.EXPIRED)


@pytest.mark.parametrize("why", [EndReason.LOST, EndReason.CLOSED, EndReason.RESOLVED])
def test_access_can_end_for_other_reasons(why: EndReason) -> None:
    """What the provider, the sessions or the incident end goes the same way out."""
    grant = after(active(), worker(acts.Finish, why=why), END)

    assert (grant.state, grant.end_reason, grant.ended_at) == (State.ENDED, why, NOW)


def test_a_call_that_may_land_is_remembered() -> None:
    """Announced before it goes out, cleared by a first answer, kept when it was repeated."""
    announced = after(opened(), vote(), worker(acts.Announce, until=NOW + MINUTE))
    confirm = worker(acts.Confirm, native_end=None)
    again = worker(acts.Retry, error="silence", after=MINUTE)
    refused = worker(acts.Fail, error="no", landed=True)

    assert announced.unsure_until == NOW + MINUTE
    assert after(announced, confirm).unsure_until is None
    assert after(announced, again, confirm).unsure_until == NOW + MINUTE
    assert after(announced, refused).unsure_until is None
    assert after(announced, REVOKE).unsure_until == NOW + MINUTE


def test_an_earlier_announcement_never_shortens_a_later_one() -> None:
    """Two calls under way: unsure until the later of both."""
    grant = after(
        opened(),
        vote(),
        worker(acts.Announce, until=NOW + 2 * MINUTE),
        worker(acts.Announce, until=NOW + MINUTE),
    )

    assert grant.unsure_until == NOW + 2 * MINUTE


@pytest.mark.parametrize("act", [acts.Issue, acts.Withdraw])
def test_an_answer_clears_its_own_announcement_only(
    act: type[acts.Issue] | type[acts.Withdraw],
) -> None:
    """Credentials that were shown have landed, refused ones never will; another call may."""
    grant = after(active(), worker(acts.Announce, until=NOW + MINUTE))

    def answered(announced: datetime) -> Grant:
        return after(grant, act(actor=DANA, role=Role.REQUESTER, announced=announced))

    assert answered(NOW + MINUTE).unsure_until is None
    assert answered(NOW).unsure_until == NOW + MINUTE


def test_what_was_there_before_is_not_ours() -> None:
    """A held grant fails without anything to take away."""
    made = step(
        after(opened(), vote()), worker(acts.Fail, error="there", held=True, landed=True), NOW
    )

    assert made.grant.held
    assert made.grant.end_reason is EndReason.HELD
    assert [n.kind.value for n in made.notices] == ["dm_failed"]
    assert not step(made.grant, END, NOW).notices


def test_overdue_is_a_fact_and_no_state() -> None:
    """The alarm leaves the grant where it is: being taken away."""
    grant = after(active(), REVOKE, worker(acts.Alarm, error="refused"))

    assert (grant.state, grant.overdue_at, grant.alarms) == (State.REVOKING, NOW, 1)

    again = step(grant, worker(acts.Alarm, error="refused"), NOW + 5 * MINUTE)

    assert (again.grant.overdue_at, again.grant.alarms) == (NOW, 2)

    ended = step(again.grant, END, NOW + 7 * MINUTE)

    assert ended.events[0].data["overdue"] == 7 * 60


def test_a_change_of_state_fences_off_the_worker() -> None:
    """Whoever held the lease cannot record any more; a retry hands it back, a look keeps it."""
    leased = altered(active(), lease_owner="me", lease_token="t")

    assert after(leased, REVOKE).lease_token is None
    assert after(leased, worker(acts.Retry, error="x", after=MINUTE)).lease_token is None
    assert after(leased, worker(acts.Announce, until=NOW)).lease_token == "t"
    assert after(leased, more_time()).lease_token == "t"


# --- more time ------------------------------------------------------------------------------------


def test_an_extension_moves_the_end_only_when_the_provider_has() -> None:
    """Asked and voted: the row's end stays; told to the provider: it moves."""
    voted = after(active(), more_time(), vote_more())

    assert voted.expires_at == NOW + 30 * MINUTE
    assert voted.extension is not None
    assert voted.extension.end == NOW + 40 * MINUTE
    assert voted.next_at == NOW
    assert due(voted, NOW) is Due.EXTEND
    assert State.ACTIVE.at_provider
    assert not State.PENDING.at_provider

    moved = after(voted, worker(acts.Extend, native_end=None))

    assert (moved.expires_at, moved.extension) == (NOW + 40 * MINUTE, None)
    assert moved.extensions == 1


def test_an_extension_needs_as_many_as_the_terms_say() -> None:
    """None: at once; two: two people; never: refused."""
    at_once = after(active(terms=terms(extend_approvals=0)), more_time())
    once = after(active(terms=terms(extend_approvals=2)), more_time(), vote_more(MAYA))

    assert at_once.extension is not None
    assert at_once.extension.approved
    assert once.extension is not None
    assert not once.extension.approved
    for grant, actor, code in (
        (once, MAYA, "voted_already"),
        (once, DANA, "self_approval"),
        (active(), MAYA, "no_extension_open"),
    ):
        with pytest.raises(RefusalError) as caught:
            step(grant, vote_more(actor), NOW)

        assert caught.value.code == code
    with pytest.raises(RefusalError) as caught:
        step(active(terms=terms(extend_approvals=None)), more_time(), NOW)

    assert caught.value.code == "no_extension"


def test_no_extension_passes_the_hard_limit() -> None:
    """Counted from the start of the access; the hint says how much there is."""
    grant = active(terms=terms(max_duration=40 * MINUTE))
    with pytest.raises(RefusalError) as caught:
        step(grant, more_time(11 * MINUTE), NOW)

    assert (caught.value.code, caught.value.hint) == ("over_limit", "At most 10m more.")

    full = active(terms=terms(max_duration=30 * MINUTE))
    with pytest.raises(RefusalError) as caught:
        step(full, more_time(), NOW)

    assert caught.value.hint == "Ask anew when it has ended."


def test_one_extension_at_a_time() -> None:
    """A second asking while one is open is refused."""
    with pytest.raises(RefusalError) as caught:
        step(after(active(), more_time()), more_time(), NOW)

    assert caught.value.code == "extension_pending"


def test_an_extension_can_be_denied_fail_or_lose_its_grant() -> None:
    """The former end holds, and its card gets its last words."""
    asked = after(active(), more_time())
    denied = step(asked, acts.DenyExtension(actor=MAYA, role=Role.APPROVER, reason="no"), NOW)
    failed = step(after(asked, vote_more()), worker(acts.FailExtension, error="refused"), NOW)
    lost = step(asked, REVOKE, NOW)

    for made in (denied, failed, lost):
        assert made.grant.extension is None
        assert made.grant.expires_at == NOW + 30 * MINUTE
    assert [_outcome(made) for made in (denied, failed, lost)] == ["denied", "failed", "void"]


def _outcome(made: Step) -> object:
    return next(n.data["outcome"] for n in made.notices if n.kind.value == "extension_card")


def test_acts_on_no_extension_are_bugs() -> None:
    """A worker that extends what nobody approved is wrong."""
    for act in (worker(acts.Extend, native_end=None), worker(acts.FailExtension, error="x")):
        with pytest.raises(ProgramError):
            step(active(), act, NOW)


def test_rows_that_cannot_be_are_bugs() -> None:
    """An end or a start that the schema would not allow to be missing is said to be missing."""
    endless = altered(active(), expires_at=None)
    making = altered(after(opened(), vote()), expires_at=None)
    asked = altered(after(active(), more_time()), expires_at=None)

    for grant, act in (
        (endless, more_time()),
        (endless, EXPIRE),
        (making, worker(acts.Confirm, native_end=None)),
        (asked, vote_more()),
    ):
        with pytest.raises(ProgramError):
            step(grant, act, NOW)


# --- by hand --------------------------------------------------------------------------------------

COMPLETE = acts.Complete(actor=MAYA, role=Role.APPROVER)


def assigned(task: Task) -> Act:
    return worker(acts.Assign, task=task)


def test_what_people_do_by_hand_is_asked_for_and_done() -> None:
    """A task is open until an operator says that it is done; the provider is asked at once then."""
    making = after(opened(), vote(), assigned(Task.MAKE))
    waiting = after(making, worker(acts.Retry, error="not done", after=MINUTE))
    made = step(waiting, COMPLETE, NOW)
    removing = after(made.grant, worker(acts.Confirm, native_end=None), REVOKE)
    removed = after(removing, assigned(Task.REMOVE), COMPLETE)

    assert making.task is Task.MAKE
    assert (made.grant.task, made.grant.done, made.grant.next_at) == (None, Task.MAKE, NOW)
    assert made.events[0].kind is EventKind.TASK_DONE
    assert (removing.task, removing.done) == (None, Task.MAKE)
    assert (removed.task, removed.done) == (None, Task.REMOVE)


def test_a_word_that_it_is_done_fences_off_a_call_in_flight() -> None:
    """The call under way knows nothing of it, so what it says is not recorded any more."""
    leased = altered(after(opened(), vote(), assigned(Task.MAKE)), lease_owner="a", lease_token="t")

    assert after(leased, COMPLETE).lease_token is None


def test_a_task_is_not_wanted_any_more_when_the_grant_ends() -> None:
    """Revoked or failed before it was done: its card is brought up to date, nothing stays open."""
    making = after(opened(), vote(), assigned(Task.MAKE))
    for act in (REVOKE, worker(acts.Fail, error="too late")):
        made = step(making, act, NOW)

        assert made.grant.task is None
        assert NoticeKind.TASK_CARD in {notice.kind for notice in made.notices}


def test_nothing_to_do_by_hand_is_said() -> None:
    """Who says "done" where nothing was asked for is told so."""
    with pytest.raises(RefusalError) as caught:
        step(after(opened(), vote()), COMPLETE, NOW)

    assert caught.value.code == "no_task"


def test_the_wrong_task_is_a_bug() -> None:
    """Nobody is asked to make what is being taken away."""
    with pytest.raises(ProgramError, match="nobody is asked"):
        step(after(active(), REVOKE), assigned(Task.MAKE), NOW)


# --- when it is looked at -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grant", "now", "expected"),
    [
        (opened(), NOW, Due.REMIND),
        (opened(), NOW + 60 * MINUTE, Due.LAPSE),
        (after(opened(starts_at=NOW + MINUTE), vote()), NOW + MINUTE, Due.START),
        (after(opened(), vote()), NOW, Due.GRANT),
        (active(), NOW + 25 * MINUTE, Due.WARN),
        (active(), NOW + 30 * MINUTE, Due.EXPIRE),
        (after(active(), REVOKE), NOW, Due.REVOKE),
        (after(active(), REVOKE, END), NOW, None),
    ],
)
def test_what_is_due(grant: Grant, now: datetime, expected: Due | None) -> None:
    """Each state has one thing that its time brings."""
    assert due(grant, now) is expected


def test_what_is_over_sleeps() -> None:
    """An ended grant never wakes; a scheduled one at its hour; an approved extension at once."""
    assert wake(after(active(), more_time(), vote_more()), NOW) == NOW
    assert wake(after(active(), REVOKE), NOW) == NOW
    assert wake(after(active(), REVOKE, END), NOW) is None
    assert wake(after(opened(starts_at=NOW + MINUTE), vote()), NOW) == NOW + MINUTE


# --- the log --------------------------------------------------------------------------------------


def sealed(events: Sequence[Event]) -> list[SealedEvent]:
    previous, lines = chain.GENESIS, []
    for seq, event in enumerate(events, 1):
        line = chain.seal(previous, seq, event)
        lines.append(line)
        previous = line.hash
    return lines


def assert_replays(grant: Grant, events: Sequence[Event]) -> None:
    replayed = replay(sealed(events))
    for name in REPLAYABLE:
        assert getattr(replayed, name) == getattr(grant, name), name


POSSIBLE: list[Act] = [
    vote(MAYA),
    vote(OMAR, duration=5 * MINUTE),
    acts.Deny(actor=MAYA, role=Role.APPROVER, reason="no"),
    acts.Cancel(actor=DANA, role=Role.REQUESTER),
    clock(acts.Lapse),
    clock(acts.Remind),
    clock(acts.Start),
    worker(acts.Announce, until=NOW + MINUTE),
    worker(acts.Confirm, native_end=NOW + 30 * MINUTE),
    worker(acts.Fail, error="refused", landed=True),
    worker(acts.Retry, error="silence", after=MINUTE),
    acts.Issue(actor=DANA, role=Role.REQUESTER, announced=NOW + MINUTE),
    acts.Withdraw(actor=DANA, role=Role.REQUESTER, announced=NOW + MINUTE),
    clock(acts.Warn),
    more_time(),
    vote_more(MAYA),
    vote_more(OMAR),
    acts.DenyExtension(actor=MAYA, role=Role.APPROVER, reason="no"),
    worker(acts.Extend, native_end=NOW + 40 * MINUTE),
    worker(acts.FailExtension, error="refused"),
    REVOKE,
    EXPIRE,
    worker(acts.Finish, why=EndReason.LOST),
    worker(acts.Alarm, error="refused"),
    END,
]


@given(
    approvals=st.integers(0, 2),
    extend=st.sampled_from([None, 0, 1, 2]),
    later=st.booleans(),
    doings=st.lists(st.tuples(st.sampled_from(POSSIBLE), st.integers(0, 20)), max_size=40),
)
def test_events_played_again_give_the_row(
    approvals: int, extend: int | None, *, later: bool, doings: list[tuple[Act, int]]
) -> None:
    """Whatever is done in whatever order, the log alone tells how the grant stands."""
    now = NOW
    made = open_grant(
        ask(
            terms=terms(approvals=approvals, extend_approvals=extend),
            starts_at=NOW + 5 * MINUTE if later else None,
        ),
        now,
    )
    grant, events = made.grant, list(made.events)
    for act, minutes in doings:
        now += minutes * MINUTE
        try:
            made = step(grant, act, now)
        except (IllegalEventError, RefusalError, ProgramError):
            continue
        assert made.grant.version == grant.version + 1
        grant = made.grant
        events += made.events
        assert (grant.next_at is not None) == grant.state.live
        assert grant.expires_at is not None or grant.state not in AT_PROVIDER
        assert DANA not in grant.votes
        assert len(set(grant.votes)) == len(grant.votes)
        if grant.started_at is not None and grant.expires_at is not None:
            assert grant.expires_at - grant.started_at <= grant.terms.max_duration
    assert_replays(grant, events)


def test_erased_texts_leave_the_rest() -> None:
    """What people wrote can be forgotten; the grant's life still reads."""
    made = open_grant(ask(), NOW)
    asked = step(after(made.grant, vote(), worker(acts.Confirm, native_end=None)), more_time(), NOW)
    lines = sealed([*made.events, *asked.events])
    erased = replay(structs.replace(line, texts={}) for line in lines)

    assert erased.reason == ERASED
    assert erased.order.person.email is None
    assert erased.extension is not None
    assert erased.extension.reason == ERASED


def test_a_log_that_says_nothing_is_no_grant() -> None:
    """Events without changes cannot be played."""
    with pytest.raises(ProgramError):
        replay([])
