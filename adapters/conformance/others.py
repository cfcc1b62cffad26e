"""Other people, other resources, other people's things, and names made to break out."""

import asyncio
import threading

import pytest

from adapters.base import Adapter, Caps, Presence, RefusedError
from adapters.conformance.ground import CannotStageError, Ground
from adapters.conformance.stage import Stage, beside, cleared, credential_for, needs

HOSTILE = (
    'x"; DROP ROLE dana; --',
    "x'; DROP ROLE dana; --",
    "a b  c",
    "100% %s %(x)s {x} ${HOME} $(id) `id`",
    "../../etc/passwd",
    "*)(uid=*",
    "Ünï cödé \u202e gnp.exe",
    "line\nbreak\ttab",
    "-rf",
    "{{ 7 * 7 }} <!channel>",
)

MANY = 60


class Others(Stage):
    """One grant disturbs no other, and nothing that is not ours."""

    async def test_two_people_do_not_disturb_each_other(
        self, ground: Ground, adapter: Adapter
    ) -> None:
        """The end of one person's access leaves the other's as it was."""
        dana, eli = ground.order(who="dana"), beside(ground, adapter)
        await adapter.grant(dana)
        await adapter.grant(eli)
        credential = await credential_for(ground, adapter, eli)
        await cleared(adapter, dana)
        assert await adapter.verify(eli) is Presence.PRESENT
        assert await ground.admits(eli, credential)
        await cleared(adapter, eli)

    async def test_two_resources_do_not_disturb_each_other(
        self, ground: Ground, adapter: Adapter
    ) -> None:
        """The end of one access of a person leaves the other one as it was."""
        first, second = ground.order(0), ground.order(1)
        await adapter.grant(first)
        await adapter.grant(second)
        credential = await credential_for(ground, adapter, second)
        await cleared(adapter, first)
        assert await adapter.verify(second) is Presence.PRESENT
        assert await ground.admits(second, credential)
        await cleared(adapter, second)

    async def test_what_was_there_before_stays(self, ground: Ground, adapter: Adapter) -> None:
        """Access that the person had by other means outlives the whole cycle of ours.

        Without `PER_GRANT` the look tells it before anything was granted, and the bot then never
        grants or revokes; another resource's cycle must not touch it either.
        """
        order = ground.order()
        await ground.hold(order)
        try:
            before = await ground.inventory()
            if Caps.PER_GRANT in ground.caps(adapter):
                assert await adapter.verify(order) is Presence.ABSENT
                mine = order
            else:
                assert await adapter.verify(order) is Presence.PRESENT
                mine = ground.order(1)
            await adapter.grant(mine)
            assert before <= await ground.inventory()
            await cleared(adapter, mine)
            assert await ground.inventory() == before
        finally:
            await ground.release(order)

    async def test_what_others_take_away_is_noticed(self, ground: Ground, adapter: Adapter) -> None:
        """Access that ended behind our back is not called present; it can be revoked or granted."""
        before = await ground.inventory()
        orders = ground.order(0), ground.order(1)
        for order in orders:
            await adapter.grant(order)
            try:
                await ground.take_away(order)
            except CannotStageError as reason:
                pytest.skip(str(reason))
            assert await adapter.verify(order) is not Presence.PRESENT
        await adapter.grant(orders[1])
        assert await adapter.verify(orders[1]) is Presence.PRESENT
        await cleared(adapter, *orders)
        assert await ground.inventory() == before

    async def test_facts_tell_things_apart(self, ground: Ground, adapter: Adapter) -> None:
        """One thing has one key whoever asks; another person's or resource's has another."""
        one, same = ground.order(0), ground.order(0)
        if Caps.PER_GRANT in ground.caps(adapter) and not adapter.is_exclusive:
            assert adapter.fact(one) is None
            return
        key = adapter.fact(one)
        assert key is not None
        assert key == adapter.fact(same)
        assert key != adapter.fact(ground.order(1))
        assert (key == adapter.fact(ground.order(who="eli"))) is adapter.is_exclusive
        assert key.startswith(f"{adapter.name}:")

    async def test_what_is_had_alone_is_had_by_one(self, ground: Ground, adapter: Adapter) -> None:
        """A second person is refused while the first has it, and gets it afterwards."""
        if not adapter.is_exclusive:
            pytest.skip("several may have it at once")
        before = await ground.inventory()
        dana, eli = ground.order(who="dana"), ground.order(who="eli")
        await adapter.grant(dana)
        during = await ground.inventory()
        with pytest.raises(RefusedError):
            await adapter.grant(eli)
        assert await adapter.verify(eli) is Presence.ABSENT
        await cleared(adapter, eli)
        assert await ground.inventory() == during
        assert await adapter.verify(dana) is Presence.PRESENT
        await cleared(adapter, dana)
        await adapter.grant(eli)
        assert await adapter.verify(eli) is Presence.PRESENT
        await cleared(adapter, eli)
        assert await ground.inventory() == before

    async def test_who_is_unknown_is_told_beforehand(
        self, ground: Ground, adapter: Adapter
    ) -> None:
        """Who has no counterpart at the provider learns it by a look, and is never let in."""
        if not adapter.knows_people:
            pytest.skip("looks nobody up in advance")
        before = await ground.inventory()
        assert await adapter.counterpart(ground.order()) is None
        try:
            order = ground.order(person=ground.nobody())
        except CannotStageError as reason:
            pytest.skip(str(reason))
        said = await adapter.counterpart(order)
        assert said is not None
        assert said.strip().endswith(".")
        with pytest.raises(RefusedError):
            await adapter.grant(order)
        await cleared(adapter, order)
        assert await ground.inventory() == before

    async def test_owned_lists_exactly_ours(self, ground: Ground, adapter: Adapter) -> None:
        """Every live mark is listed, and nothing else, whatever else is there."""
        needs(ground, adapter, Caps.LISTS_OWNED)
        foreign = await adapter.owned()
        orders = [ground.order(0), ground.order(1)]
        if not adapter.is_exclusive:
            orders.append(ground.order(who="eli"))
        for order in orders:
            await adapter.grant(order)
        assert await adapter.owned() == foreign | {order.grant_id for order in orders}
        await cleared(adapter, *orders)
        assert await adapter.owned() == foreign

    async def test_look_alikes_are_left_alone(self, ground: Ground, adapter: Adapter) -> None:
        """Things named almost like ours are neither listed nor touched."""
        try:
            await ground.disguise()
        except CannotStageError as reason:
            pytest.skip(str(reason))
        before = await ground.inventory()
        order = ground.order()
        await adapter.grant(order)
        if Caps.LISTS_OWNED in ground.caps(adapter):
            assert await adapter.owned() == {order.grant_id}
        await cleared(adapter, order)
        assert await ground.inventory() == before

    @pytest.mark.parametrize("text", HOSTILE)
    async def test_hostile_names_neither_break_out_nor_widen(
        self, ground: Ground, adapter: Adapter, text: str
    ) -> None:
        """Names with quotes, spaces, signs of templates and other scripts are names only."""
        order = await ground.hostile(text)
        before = await ground.inventory()
        await adapter.grant(order)
        assert before <= await ground.inventory()
        assert await adapter.verify(order) is Presence.PRESENT
        assert adapter.cleanup(order)
        await cleared(adapter, order)
        assert await ground.inventory() == before

    async def test_many_at_once(self, ground: Ground, adapter: Adapter) -> None:
        """A crowd of grants comes and goes without one thread or connection for each."""
        before = await ground.inventory()
        people = [ground.person(name) for name in ("dana", "eli")]
        per_grant = Caps.PER_GRANT in ground.caps(adapter)
        orders = [ground.order(person=people[n % 2]) for n in range(MANY if per_grant else 2)]
        if adapter.is_exclusive:
            orders = [ground.order(0), ground.order(1)]
        threads = threading.active_count()
        await asyncio.gather(*(adapter.grant(order) for order in orders))
        found = await asyncio.gather(*(adapter.verify(order) for order in orders))
        assert set(found) == {Presence.PRESENT}
        assert threading.active_count() - threads < MANY
        await asyncio.gather(*(adapter.revoke(order) for order in orders))
        assert await ground.inventory() == before
