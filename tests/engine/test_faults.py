"""What the engine does when the provider, the people or the clock are not what one hopes."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.base import Order, Person
from adapters.demo import Fault
from bot.domain.command import Ask
from bot.domain.errors import RefusalError
from bot.domain.grant import EndReason, Grant, State
from bot.domain.people import Standing
from bot.domain.policy import Limit
from bot.storage.database import Database
from tests.engine.office import DANA, MAYA, MINUTE, OMAR, OPS, Office, office, policy_of


def name() -> str:
    return f"pg-{secrets.token_hex(4)}"


async def active(here: Office, **said: object) -> Grant:
    grant = await here.ask(**said)
    await here.engine.service.vote(MAYA, grant.id)
    return await here.until(grant.id, State.ACTIVE)


async def test_a_lost_answer_is_asked_again(database: Database) -> None:
    """A grant call that worked and whose answer was lost gives one access."""
    async with office(database, provider=name()) as here:
        here.world.fail("grant", Fault.LOST_ANSWER)
        grant = await active(here)

        assert len(here.world.access) == 1
        assert grant.attempts == 0


async def test_a_refused_grant_fails_and_leaves_nothing(database: Database) -> None:
    """The provider says no: the person is told, and the way out is the usual one."""
    async with office(database, provider=name()) as here:
        here.world.fail("grant", Fault.REFUSE)
        grant = await here.ask()
        await here.engine.service.vote(MAYA, grant.id)
        ended = await here.until(grant.id, State.ENDED)
        await here.wait(lambda: any(n.notice.kind == "dm_failed" for n in here.postbox.told))

        assert ended.end_reason is EndReason.FAILED
        assert not here.world.access


async def test_a_grant_that_takes_too_long_fails(database: Database) -> None:
    """Not made within a minute of the approval: it fails and is cleaned up."""
    async with office(database, provider=name()) as here:
        here.world.fail("grant", Fault.UNREACHABLE, times=100)
        grant = await here.ask()
        await here.engine.service.vote(MAYA, grant.id)
        await here.wait(lambda: len(here.figures.calls) > 0)
        here.pass_time(MINUTE + timedelta(seconds=1))
        here.world.heal()
        ended = await here.until(grant.id, State.ENDED, within=20)

        assert ended.end_reason is EndReason.FAILED
        assert not here.world.access


async def test_a_refused_revoke_alarms_at_once_and_goes_on(database: Database) -> None:
    """Overdue is said at the first refusal, and the access is gone when the provider allows it."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        here.world.fail("revoke", Fault.REFUSE, times=2)
        await here.engine.service.revoke(DANA, grant.id)
        ended = await here.until(grant.id, State.ENDED, within=10)
        kinds = await here.kinds(grant.id)

        assert ended.overdue_at is not None
        assert kinds.count("revoke.overdue") == 1
        assert kinds[-1] == "grant.ended"


async def test_silence_alarms_after_a_minute(database: Database) -> None:
    """A provider that does not answer gets a minute before people are alarmed."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        here.world.fail("revoke", Fault.UNREACHABLE, times=1000)
        await here.engine.service.revoke(DANA, grant.id)
        await here.wait(lambda: ("revoke", "unreachable") in {c[1:] for c in here.figures.calls})

        assert (await here.grant(grant.id)).overdue_at is None

        here.pass_time(MINUTE)
        async with asyncio.timeout(10):
            while (await here.grant(grant.id)).overdue_at is None:  # noqa: ASYNC110 - rows ring no bell
                await asyncio.sleep(0.01)
        here.world.heal()
        await here.until(grant.id, State.ENDED, within=10)

        assert "revoke.overdue" in await here.kinds(grant.id)


async def test_a_lie_is_not_believed(database: Database) -> None:
    """The provider says that it is done and it is not: the look afterwards finds out."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        here.world.fail("revoke", Fault.LIE, times=2)
        await here.engine.service.revoke(DANA, grant.id)
        await here.until(grant.id, State.ENDED, within=10)

        assert not here.world.access


async def test_a_call_that_lands_late_does_not_outlive_the_end(database: Database) -> None:
    """A grant call given up on is waited for before the end is believed, and taken back."""
    async with office(database, provider=name()) as here:
        here.world.fail("grant", Fault.LAND_LATE, times=1, seconds=4)
        grant = await here.ask()
        await here.engine.service.vote(MAYA, grant.id)
        # The first sweep makes calls too; what counts is that the grant call was given up.
        await here.wait(lambda: "grant" in [verb for _, verb, _ in here.figures.calls], within=10)
        await here.engine.service.revoke(DANA, grant.id)
        await asyncio.sleep(0.3)  # long enough for an end that does not wait

        assert (await here.grant(grant.id)).state is State.REVOKING

        here.pass_time(timedelta(seconds=30))
        ended = await here.until(grant.id, State.ENDED, within=20)
        here.world.settle()

        assert ended.end_reason is EndReason.REVOKED
        assert not here.world.access


async def test_a_call_under_way_while_the_clock_jumps_does_not_outlive_the_end(
    database: Database,
) -> None:
    """A suspended machine wakes up with a grant call under way: the end waits for it to land."""
    async with office(database, provider=name()) as here:
        here.world.fail("grant", Fault.SLOW, seconds=1.0)
        grant = await here.ask()
        await here.engine.service.vote(MAYA, grant.id)
        await here.wait(lambda: any(verb == "grant" for verb, _ in here.world.calls))
        await here.engine.service.revoke(DANA, grant.id)
        here.pass_time(60 * MINUTE)
        await here.until(grant.id, State.ENDED)

        assert any(verb == "grant" for _, verb, _ in here.figures.calls)
        assert not here.world.access


async def test_access_that_was_there_is_left_alone(database: Database) -> None:
    """What a person had before us is neither given nor taken away."""
    provider = name()
    async with office(database, provider=provider, grant={"level": "read", "shared": True}) as here:
        first = await active(here)
        await here.engine.service.revoke(DANA, first.id)
        await here.until(first.id, State.ENDED)
        before = dict(here.world.access)
        await _by_hand(here)
        second = await here.ask()
        await here.engine.service.vote(MAYA, second.id)
        ended = await here.until(second.id, State.ENDED)

        assert not before
        assert ended.held
        assert ended.end_reason is EndReason.HELD
        assert len(here.world.access) == 1


async def _by_hand(here: Office) -> None:
    """Somebody at the provider gives the same access, as we would have made it."""
    adapter = here.engine.providers.adapter(here.engine.providers.names[0])
    order = Order(
        "0" * 12,
        "lab",
        {"level": "read", "shared": True},
        Person(DANA, "dana@example.com", "Dana"),
        here.database.clock.now() + 60 * MINUTE,
    )
    await adapter.grant(order)


async def test_lost_access_ends_the_grant(database: Database) -> None:
    """What somebody removed at the provider ends, and says so."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        here.world.access.clear()
        here.pass_time(timedelta(seconds=20))
        await here.engine.sweep()
        ended = await here.until(grant.id, State.ENDED)

        assert ended.end_reason is EndReason.LOST


async def test_orphans_are_removed_and_strangers_left(database: Database) -> None:
    """A mark of an ended grant is taken away; one that the log never knew is reported."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        kept = dict(here.world.access)
        await here.engine.service.revoke(DANA, grant.id)
        await here.until(grant.id, State.ENDED)
        here.world.access.update(kept)
        stranger = "curfew-" + "0" * 12
        here.world.access[stranger] = next(iter(kept.values()))
        await here.engine.sweep()
        await here.engine.sweep()
        kinds = [event.kind.value for event in await here.log()]

        assert list(here.world.access) == [stranger]
        assert kinds.count("orphan.found") == 2
        assert kinds.count("orphan.removed") == 1


async def test_credentials_work_for_the_requester_alone(database: Database) -> None:
    """Issued to whom the access belongs, refused to others, and gone after the end."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        credential = await here.engine.service.issue(DANA, grant.id)
        with pytest.raises(RefusalError) as caught:
            await here.engine.service.issue(MAYA, grant.id)

        assert credential.snippets
        assert caught.value.code == "not_yours"

        await here.engine.service.revoke(DANA, grant.id)
        await here.until(grant.id, State.ENDED)
        with pytest.raises(RefusalError) as caught:
            await here.engine.service.issue(DANA, grant.id)

        assert caught.value.code == "stale"
        assert (await here.kinds(grant.id)).count("credentials.issued") == 1


async def test_credentials_made_too_late_are_not_shown(database: Database) -> None:
    """Access that was taken away while the provider made credentials shows none."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        here.world.fail("issue", Fault.SLOW, seconds=0.5)
        issuing = here.engine.service.issue(DANA, grant.id)
        revoking = here.engine.service.revoke(MAYA, grant.id)
        shown, _ = await asyncio.gather(issuing, revoking, return_exceptions=True)

        assert isinstance(shown, RefusalError)

        here.pass_time(timedelta(seconds=30))
        await here.until(grant.id, State.ENDED, within=10)

        assert not here.world.access


async def test_an_end_does_not_wait_for_credentials_that_were_refused(database: Database) -> None:
    """A refusal is an answer: nothing of that call lands late, and a revoke ends at once."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        here.world.fail("issue", Fault.REFUSE)
        with pytest.raises(RefusalError) as caught:
            await here.engine.service.issue(DANA, grant.id)

        assert caught.value.code == "provider_refused"

        await here.engine.service.revoke(DANA, grant.id)
        ended = await here.until(grant.id, State.ENDED)

        assert ended.state is State.ENDED


@pytest.mark.parametrize("then", [None, Fault.REFUSE], ids=["given", "refused"])
async def test_an_end_waits_for_an_earlier_call_that_may_land(
    database: Database, then: Fault | None
) -> None:
    """The answer of a second call says nothing about a first one that was given up on."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        here.world.fail("issue", Fault.LAND_LATE, seconds=10)
        with pytest.raises(RefusalError) as caught:
            await here.engine.service.issue(DANA, grant.id)

        assert caught.value.code == "provider_away"

        if then is None:
            await here.engine.service.issue(DANA, grant.id)
        else:
            here.world.fail("issue", then)
            with pytest.raises(RefusalError):
                await here.engine.service.issue(DANA, grant.id)
        await here.engine.service.revoke(DANA, grant.id)
        await here.wait(lambda: not here.world.access)

        assert (await here.grant(grant.id)).state is State.REVOKING

        here.pass_time(timedelta(seconds=30))
        await here.until(grant.id, State.ENDED)


async def test_never_two_at_once(database: Database) -> None:
    """A second request for the same thing is refused while the first is live."""
    async with office(database, provider=name()) as here:
        await here.ask()
        with pytest.raises(RefusalError) as caught:
            await here.ask()

        assert caught.value.code == "live_already"


async def test_a_request_seen_before_changes_nothing(database: Database) -> None:
    """A redelivered command answers with the grant it made; a redelivered click too."""
    async with office(database, provider=name()) as here:
        asked = Ask(resource="lab", reason="fix it please")
        first = await here.engine.service.ask(DANA, asked, seen="T1")
        again = await here.engine.service.ask(DANA, asked, seen="T1")
        await here.engine.service.vote(MAYA, first.id, seen="C1")
        repeated = await here.engine.service.vote(MAYA, first.id, seen="C1")

        assert again.id == first.id
        assert repeated.votes == (MAYA,)


async def test_a_spent_limit_and_a_cooldown_refuse(database: Database) -> None:
    """Back-to-back grants cannot stretch the limit, and the pause counts from the proven end."""
    changes = {"limit": Limit(20 * MINUTE, 24 * 60 * MINUTE), "cooldown": 10 * MINUTE}
    async with office(database, provider=name(), **changes) as here:
        grant = await active(here, duration=15 * MINUTE)
        here.pass_time(15 * MINUTE)
        await here.until(grant.id, State.ENDED)
        with pytest.raises(RefusalError) as caught:
            await here.ask(duration=5 * MINUTE)

        assert caught.value.code == "cooldown"

        here.pass_time(11 * MINUTE)
        with pytest.raises(RefusalError) as caught:
            await here.ask(duration=10 * MINUTE)

        assert caught.value.code == "limit"


async def test_a_scheduled_start_looks_again(database: Database) -> None:
    """Whoever left before the hour gets no access; the request is cancelled with the reason."""
    async with office(database, provider=name()) as here:
        at = here.database.clock.now() + 60 * MINUTE
        grant = await here.ask(starts_at=at)
        other = await here.ask(OMAR, starts_at=at)
        await here.engine.service.vote(MAYA, grant.id)
        await here.engine.service.vote(MAYA, other.id)
        dana = here.people.accounts[DANA]
        here.people.accounts[DANA] = replace(dana, standing=Standing.DEACTIVATED)
        here.pass_time(61 * MINUTE)

        assert (await here.until(grant.id, State.CANCELLED)).end_reason is EndReason.CANCELLED
        assert (await here.until(other.id, State.ACTIVE)).started_at is not None


async def test_a_changed_rule_ends_open_requests(database: Database) -> None:
    """Widening never reaches an open request: it is cancelled, at the reload or at the click."""
    provider = name()
    async with office(database, provider=provider) as here:
        grant = await here.ask()
        here.rules.current = policy_of(provider, grant={"level": "write"})
        with pytest.raises(RefusalError) as caught:
            await here.engine.service.vote(MAYA, grant.id)

        assert caught.value.code == "rule_changed"
        assert (await here.grant(grant.id)).state is State.CANCELLED

        again = await here.ask()
        policy = policy_of(provider, approvals=2)
        here.rules.current = policy
        adapter = here.engine.providers.adapter(provider)
        await here.engine.use(policy, {provider: adapter})

        assert (await here.grant(again.id)).state is State.CANCELLED


async def test_nobody_is_believed_while_slack_is_away(database: Database) -> None:
    """No authority without a look; what was given still ends."""
    async with office(database, provider=name()) as here:
        grant = await active(here, duration=10 * MINUTE)
        here.people.away = True
        with pytest.raises(RefusalError) as caught:
            await here.engine.service.revoke(OPS, grant.id)

        assert caught.value.code == "slack_away"

        here.pass_time(11 * MINUTE)

        assert (await here.until(grant.id, State.ENDED)).end_reason is EndReason.EXPIRED


async def test_an_operator_ends_access_without_slack(database: Database) -> None:
    """The command line ends what it names, and the log says who ran it."""
    async with office(database, provider=name()) as here:
        grant = await active(here)
        here.people.away = True
        await here.engine.operating.revoke([grant.id], operator="root", reason="leaving")
        await here.until(grant.id, State.ENDED)
        revoked = (await here.engine.reading.events(grant.id))[-2]

        assert (revoked.kind.value, revoked.actor) == ("grant.revoked", "cli:root")


async def test_a_lapse_and_a_late_click(database: Database) -> None:
    """Nobody decided in time: lapsed; a click afterwards is told so."""
    async with office(database, provider=name()) as here:
        grant = await here.ask()
        here.pass_time(61 * MINUTE)
        await here.until(grant.id, State.LAPSED)
        with pytest.raises(RefusalError) as caught:
            await here.engine.service.vote(MAYA, grant.id)

        assert caught.value.message == "Nobody decided in time; this has lapsed."


async def test_a_late_click_hears_who_was_first(database: Database) -> None:
    """Two approvers press different buttons: the second hears what the first did."""
    async with office(database, provider=name()) as here:
        grant = await here.ask()
        await here.engine.service.deny(MAYA, grant.id, reason="not today")
        with pytest.raises(RefusalError) as caught:
            await here.engine.service.vote(OMAR, grant.id)

        assert caught.value.message.startswith("Maya denied this at ")
