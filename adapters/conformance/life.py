"""The life of one grant: there, still there, gone, and gone again."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.base import Adapter, Caps, Person, Presence, UnsupportedError
from adapters.conformance.engine import connected
from adapters.conformance.ground import SHORT, Ground
from adapters.conformance.stage import Stage, cleared, credential_for, needs


class Life(Stage):
    """Granting, looking, revoking."""

    async def test_a_healthy_provider_lacks_nothing(self, ground: Ground, adapter: Adapter) -> None:
        """The probe finds no fault, for both resources, and changes nothing."""
        before = await ground.inventory()
        assert await adapter.probe([ground.block(0), ground.block(1)]) == []
        assert await ground.inventory() == before

    async def test_people_are_told_what_it_is(self, ground: Ground, adapter: Adapter) -> None:
        """The words for the card are the adapter's own, one line without a full stop."""
        for number in (0, 1):
            effects = adapter.effects(ground.block(number))
            assert effects.makes != f"access at {adapter.name}", "write makes(params)"
            assert effects.makes == effects.makes.strip().removesuffix(".")
            assert "\n" not in effects.makes
            assert len(effects.makes) <= 300
            assert effects.caps == ground.caps(adapter, number)

    async def test_granted_is_present_and_usable(self, ground: Ground, adapter: Adapter) -> None:
        """After a grant the look says present and the provider lets the person in."""
        order = ground.order()
        assert await adapter.verify(order) is Presence.ABSENT
        assert not await ground.admits(order, None)
        await adapter.grant(order)
        assert await adapter.verify(order) is Presence.PRESENT
        assert await ground.admits(order, await credential_for(ground, adapter, order))
        await cleared(adapter, order)

    async def test_revoked_is_absent_and_shut(self, ground: Ground, adapter: Adapter) -> None:
        """After a revoke the look says absent, nobody gets in, and nothing is left behind."""
        before = await ground.inventory()
        order = ground.order()
        await adapter.grant(order)
        credential = await credential_for(ground, adapter, order)
        await adapter.revoke(order)
        assert await adapter.verify(order) is Presence.ABSENT
        assert not await ground.admits(order, credential)
        assert await ground.inventory() == before

    async def test_granting_twice_is_granting_once(self, ground: Ground, adapter: Adapter) -> None:
        """A repeated grant, also at the same moment, changes nothing more."""
        order = ground.order()
        await adapter.grant(order)
        once = await ground.inventory()
        await adapter.grant(order)
        await asyncio.gather(*(adapter.grant(order) for _ in range(5)))
        assert await ground.inventory() == once
        assert await adapter.verify(order) is Presence.PRESENT
        await cleared(adapter, order)

    async def test_a_repeated_grant_keeps_the_login(self, ground: Ground, adapter: Adapter) -> None:
        """Moving the end does not lock out who has a credential already."""
        order = ground.order()
        await adapter.grant(order)
        credential = await credential_for(ground, adapter, order)
        later = replace(order, expires_at=order.expires_at + timedelta(minutes=5))
        await adapter.grant(later)
        assert await ground.admits(later, credential)
        await cleared(adapter, later)

    async def test_absent_revoked_is_success(self, ground: Ground, adapter: Adapter) -> None:
        """Revoking what never was, or is gone, succeeds and changes nothing."""
        before = await ground.inventory()
        order = ground.order()
        await adapter.revoke(order)
        await adapter.grant(order)
        await asyncio.gather(*(adapter.revoke(order) for _ in range(4)))
        await adapter.revoke(order)
        assert await adapter.verify(order) is Presence.ABSENT
        assert await ground.inventory() == before

    async def test_revoke_wins_over_a_grant_at_the_same_time(
        self, ground: Ground, adapter: Adapter
    ) -> None:
        """Whatever order they meet in, a revoke afterwards clears all of it."""
        before = await ground.inventory()
        for _ in range(5):
            order = ground.order()
            calls = [adapter.grant(order), adapter.revoke(order), adapter.grant(order)]
            await asyncio.gather(*calls, return_exceptions=True)
            await cleared(adapter, order)
        assert await ground.inventory() == before

    async def test_another_program_carries_on(self, ground: Ground, adapter: Adapter) -> None:
        """What one adapter made, another finds, moves and takes away: nothing hangs on memory."""
        order = ground.order()
        await adapter.grant(order)
        other = connected(ground)
        try:
            assert await other.verify(order) is Presence.PRESENT
            await other.grant(replace(order, expires_at=order.expires_at + timedelta(minutes=1)))
            await cleared(other, order)
        finally:
            await other.aclose()
        assert await adapter.verify(order) is Presence.ABSENT

    async def test_looking_changes_nothing(self, ground: Ground, adapter: Adapter) -> None:
        """Verify, owned and sessions leave the provider as it was, before, within and after."""
        order = ground.order()
        for act in (None, adapter.grant, adapter.revoke):
            if act is not None:
                await act(order)
            before = await ground.inventory()
            await adapter.verify(order)
            if Caps.LISTS_OWNED in ground.caps(adapter):
                await adapter.owned()
            if Caps.WATCHES_SESSIONS in ground.caps(adapter):
                await adapter.sessions(order)
            assert await ground.inventory() == before

    async def test_the_provider_ends_it_by_itself(self, ground: Ground, adapter: Adapter) -> None:
        """With nobody of ours running the provider refuses at the end it was told."""
        needs(ground, adapter, Caps.NATIVE_EXPIRY)
        order = ground.order(lasts=SHORT)
        await adapter.grant(order)
        credential = await credential_for(ground, adapter, order)
        assert await ground.admits(order, credential)
        await adapter.aclose()
        await ground.until(order.expires_at + timedelta(milliseconds=100))
        assert not await ground.admits(order, credential)
        assert await adapter.verify(order) is not Presence.PRESENT
        await cleared(adapter, order)

    async def test_a_second_grant_moves_the_end(self, ground: Ground, adapter: Adapter) -> None:
        """Extended access works past its first end, and shortened access ends sooner."""
        needs(ground, adapter, Caps.NATIVE_EXPIRY)
        longer, shorter = ground.order(lasts=SHORT), ground.order(1, lasts=timedelta(hours=1))
        first_end = longer.expires_at
        longer = replace(longer, expires_at=first_end + timedelta(hours=1))
        for order in (replace(longer, expires_at=first_end), shorter):
            await adapter.grant(order)
        shorter = replace(shorter, expires_at=first_end)
        for order in (longer, shorter):
            await adapter.grant(order)
        credentials = [await credential_for(ground, adapter, order) for order in (longer, shorter)]
        assert await ground.admits(shorter, credentials[1])
        await ground.until(first_end + timedelta(milliseconds=100))
        assert await ground.admits(longer, credentials[0])
        assert not await ground.admits(shorter, credentials[1])
        await cleared(adapter, longer, shorter)

    async def test_what_is_not_claimed_is_refused(self, ground: Ground, adapter: Adapter) -> None:
        """A capability that is not declared raises, so that nobody relies on it by mistake."""
        order = ground.order()
        caps = ground.caps(adapter)
        if Caps.ISSUES_CREDENTIALS not in caps:
            with pytest.raises(UnsupportedError):
                await adapter.issue(order)
        if Caps.WATCHES_SESSIONS not in caps:
            with pytest.raises(UnsupportedError):
                await adapter.sessions(order)
        if Caps.LISTS_OWNED not in adapter.capabilities:
            with pytest.raises(UnsupportedError):
                await adapter.owned()

    async def test_an_orphan_can_be_revoked(self, ground: Ground, adapter: Adapter) -> None:
        """A mark whose grant nobody remembers is enough to take everything of it away."""
        needs(ground, adapter, Caps.PER_GRANT)
        before = await ground.inventory()
        order = ground.order()
        await adapter.grant(order)
        orphan = replace(order, resource="", params={}, person=Person(user="U0"))
        assert await adapter.verify(orphan) is not Presence.ABSENT
        await cleared(adapter, orphan)
        assert await ground.inventory() == before

    async def test_a_human_is_told_what_to_do(self, ground: Ground, adapter: Adapter) -> None:
        """The clean-up names the thing at the provider, for known grants and for orphans."""
        order = ground.order()
        text = adapter.cleanup(order)
        assert text.strip()
        if Caps.PER_GRANT in ground.caps(adapter):
            assert order.grant_id in text
            orphan = replace(order, resource="", params={}, person=Person(user="U0"))
            assert order.grant_id in adapter.cleanup(orphan)
