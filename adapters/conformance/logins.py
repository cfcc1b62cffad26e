"""Credentials and sessions: made when asked for, ended with the access, seen by nobody else."""

import asyncio
from dataclasses import replace

import pytest

from adapters.base import Adapter, Caps, Credential, RefusedError
from adapters.conformance.ground import Ground
from adapters.conformance.stage import Stage, beside, cleared, credential_for, needs

PATIENCE = 5.0
"""Seconds that a session may take to appear in or vanish from a provider's own books."""

NO_ANSWER = "b1lNYgpwcml2YXRl-no-answer-to-anything"
FIELD = 150
"""Characters that a form shows of a label or a hint."""


class Logins(Stage):
    """What people use to get in, and what they have open."""

    async def test_fresh_credentials_end_the_former(self, ground: Ground, adapter: Adapter) -> None:
        """Each issue works at once, and the one before works no more."""
        needs(ground, adapter, Caps.ISSUES_CREDENTIALS)
        order = ground.order()
        await adapter.grant(order)
        first = await adapter.issue(order)
        assert await ground.admits(order, first)
        second = await adapter.issue(order)
        assert await ground.admits(order, second)
        assert not await ground.admits(order, first)
        await cleared(adapter, order)
        assert not await ground.admits(order, second)

    async def test_no_credentials_without_access(self, ground: Ground, adapter: Adapter) -> None:
        """Before a grant and after a revoke there is nothing to issue, and nothing is made."""
        needs(ground, adapter, Caps.ISSUES_CREDENTIALS)
        before = await ground.inventory()
        order = ground.order()
        with pytest.raises(RefusedError):
            await adapter.issue(order)
        await adapter.grant(order)
        await cleared(adapter, order)
        with pytest.raises(RefusedError):
            await adapter.issue(order)
        assert await ground.inventory() == before

    async def test_credentials_show_nothing_by_themselves(
        self, ground: Ground, adapter: Adapter, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No word of a credential stands in a repr or a log line."""
        needs(ground, adapter, Caps.ISSUES_CREDENTIALS)
        caplog.set_level("DEBUG")
        order = ground.order()
        await adapter.grant(order)
        credential = await adapter.issue(order)
        await cleared(adapter, order)
        shown = repr(credential) + str(credential) + caplog.text
        assert credential.snippets
        for snippet in credential.snippets:
            assert snippet.label
            assert snippet.text.strip()
            assert snippet.text not in shown
        assert not _secret_words(credential) & set(shown.split())

    async def test_wrong_answers_are_refused_unrepeated(
        self, ground: Ground, adapter: Adapter, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What is no answer is said beside its field and refused; it stands in no error or log."""
        needs(ground, adapter, Caps.ISSUES_CREDENTIALS)
        if not adapter.asks:
            pytest.skip("asks nothing")
        caplog.set_level("DEBUG")
        order = ground.order()
        await adapter.grant(order)
        before = await ground.inventory()
        for ask in adapter.asks:
            assert ask.name.isidentifier()
            assert 0 < len(ask.label) <= FIELD >= len(ask.hint)
            for text in (NO_ANSWER, f"{NO_ANSWER} {NO_ANSWER}", f"{NO_ANSWER}\n{NO_ANSWER}"):
                said = ask.complaint(text)
                if said is None:
                    continue
                with pytest.raises(RefusedError) as caught:
                    await adapter.issue(replace(order, answers={**order.answers, ask.name: text}))
                assert said in str(caught.value)
                assert NO_ANSWER not in str(caught.value) + caplog.text + repr(order)
        assert await ground.inventory() == before
        await cleared(adapter, order)

    async def test_revoking_ends_what_is_open(self, ground: Ground, adapter: Adapter) -> None:
        """A session that is open when access ends is cut; another grant's is not."""
        needs(ground, adapter, Caps.ENDS_SESSIONS)
        order, other = ground.order(), beside(ground, adapter)
        doors = []
        for each in (order, other):
            await adapter.grant(each)
            credential = await credential_for(ground, adapter, each)
            doors.append(await ground.open_door(each, credential))
        assert await doors[0].is_open()
        await adapter.revoke(order)
        assert not await doors[0].is_open()
        assert await doors[1].is_open()
        for door in doors:
            await door.close()
        await cleared(adapter, order, other)

    async def test_open_sessions_are_seen(self, ground: Ground, adapter: Adapter) -> None:
        """Who is connected through this grant is listed, and nobody else, and no longer."""
        needs(ground, adapter, Caps.WATCHES_SESSIONS)
        order, other = ground.order(), beside(ground, adapter)
        for each in (order, other):
            await adapter.grant(each)
        assert await adapter.sessions(order) == ()
        credential = await credential_for(ground, adapter, order)
        stranger = await ground.open_door(other, await credential_for(ground, adapter, other))
        doors = [await ground.open_door(order, credential) for _ in range(2)]
        seen = await adapter.sessions(order)
        assert len({session.id for session in seen}) == 2
        assert all(session.since.tzinfo is not None for session in seen)
        await doors[0].close()
        async with asyncio.timeout(PATIENCE):
            while len(left := await adapter.sessions(order)) > 1:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
        assert {session.id for session in left} < {session.id for session in seen}
        for door in (doors[1], stranger):
            await door.close()
        await cleared(adapter, order, other)


def _secret_words(credential: Credential) -> set[str]:
    words = {word for snippet in credential.snippets for word in snippet.text.split()}
    return {word for word in words if len(word) > 20}
