"""What only Vault has: leases that hang on tokens, ends that are moved, secrets that are lent."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr, ValidationError

from adapters._vault_policy import VaultParams, VaultSettings
from adapters.base import Order, PendingError, Presence, RefusedError, UnreachableError
from adapters.vault import VaultAdapter
from sandbox.providers._house import Storm
from sandbox.providers._vault_forms import Policy
from tests.conformance.vault_ground import DOCUMENTED, VaultGround


@pytest.fixture
async def ground(request: pytest.FixtureRequest) -> AsyncIterator[VaultGround]:
    async with VaultGround(getattr(request, "param", "token")) as made:
        yield made


@pytest.fixture
async def adapter(ground: VaultGround) -> AsyncIterator[VaultAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


def of(form: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("ground", [form], indirect=True)


def tokens(ground: VaultGround, order: Order) -> list[str]:
    return [t.id for t in ground.house.tokens.tokens.values() if order.mark in t.lease]


async def test_tokens_outlive_the_bot_s_login(ground: VaultGround, adapter: VaultAdapter) -> None:
    """They are orphans: when the bot's own token ends, they go on until their own end."""
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    ground.house.tokens.revoke(ground.house.tokens.tokens[ground.bot_token])
    assert await ground.admits(order, credential)


async def test_a_sooner_end_cuts_what_would_outlive_it(
    ground: VaultGround, adapter: VaultAdapter
) -> None:
    """A token that was made for a later end is revoked when the end moves before it."""
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    later = replace(order, expires_at=order.expires_at + timedelta(hours=1))
    await adapter.grant(later)
    assert await ground.admits(order, credential)
    sooner = replace(order, expires_at=order.expires_at - timedelta(minutes=30))
    await adapter.grant(sooner)
    assert not await ground.admits(order, credential)


async def test_a_token_of_a_crashed_press_is_found(
    ground: VaultGround, adapter: VaultAdapter
) -> None:
    """The answer with the token was lost: a revoke finds and ends it all the same."""
    order = ground.order()
    await adapter.grant(order)
    async with ground.house.storm(Storm.CUT):
        with pytest.raises(UnreachableError):
            await adapter.issue(order)
    await adapter.issue(order)
    assert len(tokens(ground, order)) == 1
    del ground.house.tokens.roles[order.mark]
    assert await adapter.verify(order) is Presence.PARTIAL
    await adapter.revoke(order)
    assert tokens(ground, order) == []
    assert await adapter.verify(order) is Presence.ABSENT


@of("creds")
async def test_a_lease_that_cannot_be_revoked_keeps_the_grant_open(
    ground: VaultGround, adapter: VaultAdapter
) -> None:
    """While the database is down the login may live: nothing is called gone before it is."""
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    ground.house.database.is_down = True
    with pytest.raises(UnreachableError):
        await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.PARTIAL
    assert await ground.admits(order, credential)
    ground.house.database.is_down = False
    await adapter.revoke(order)
    assert not await ground.admits(order, credential)
    assert await adapter.verify(order) is Presence.ABSENT


@of("creds")
async def test_credentials_that_nobody_saw_end_too(
    ground: VaultGround, adapter: VaultAdapter
) -> None:
    """A login made just before a crash, its lease not noted, hangs on a token that is found."""
    order = ground.order()
    await adapter.grant(order)
    await adapter.issue(order)
    del ground.house.identity.entities[order.mark]
    assert len(ground.house.database.logins) == 1
    await adapter.revoke(order)
    assert ground.house.database.logins == {}


@of("creds")
async def test_a_path_without_leases_is_refused(ground: VaultGround, adapter: VaultAdapter) -> None:
    """What never ends is not handed out."""
    ground.house.policy("reader-creds", 'path "secret/data/*" { capabilities = ["read"] }')
    order = ground.order()
    params = {"policies": ["reader-creds"], "creds": "secret/data/orders/config"}
    order = replace(order, params=params)
    await adapter.grant(order)
    with pytest.raises(RefusedError, match="no credentials with a lease"):
        await adapter.issue(order)
    await adapter.revoke(order)


@of("group")
async def test_groups_that_are_not_ours_to_change(
    ground: VaultGround, adapter: VaultAdapter
) -> None:
    """Groups from outside, and groups that are not there, are named by doctor."""
    ground.house.identity.group("orders-external", [], kind="external")
    (said,) = await adapter.probe([{"group": "orders-external"}])
    assert "come from outside" in said
    (said,) = await adapter.probe([{"group": "orders-none"}])
    assert "no identity group orders-none" in said
    for name in ("orders-external", "orders-none"):
        with pytest.raises(RefusedError):
            await adapter.grant(replace(ground.order(), params={"group": name}))


@of("group")
async def test_members_at_the_same_moment_all_stay(
    ground: VaultGround, adapter: VaultAdapter
) -> None:
    """The list is written as a whole, by one call at a time: nobody gets lost."""
    people = [f"p{number}" for number in range(12)]
    for name in people:
        ground.house.identity.person(name, f"{name}@example.com")
    orders = [ground.order(who=name) for name in people]
    await asyncio.gather(*(adapter.grant(order) for order in orders))
    group = ground.house.identity.groups["orders-read-group"]
    assert len(group["member_entity_ids"]) == len(people)
    await asyncio.gather(*(adapter.revoke(order) for order in orders))
    assert ground.house.identity.groups["orders-read-group"]["member_entity_ids"] == []


@of("group")
async def test_who_is_disabled_gets_nothing(ground: VaultGround, adapter: VaultAdapter) -> None:
    """They are told so, with the way out."""
    ground.house.identity.entities["dana"]["disabled"] = True
    said = await adapter.counterpart(ground.order())
    assert said is not None
    assert "enable the entity" in said


@of("secret")
async def test_a_secret_is_lent_to_one(ground: VaultGround, adapter: VaultAdapter) -> None:
    """The second is refused by the first one's mark, and gets it when it was returned."""
    first = ground.order()
    second = replace(ground.order(who="eli"), params=first.params)
    assert adapter.fact(first) == adapter.fact(second)
    await adapter.grant(first)
    with pytest.raises(RefusedError, match=first.mark):
        await adapter.grant(second)
    with pytest.raises(RefusedError, match="not ours"):
        await adapter.revoke(second)
    await adapter.revoke(first)
    await adapter.grant(second)
    await adapter.revoke(second)


@of("secret")
async def test_only_what_was_shown_is_changed(ground: VaultGround, adapter: VaultAdapter) -> None:
    """A secret that nobody saw is returned as it is; one that was seen is worth nothing after."""
    order = ground.order()
    value = ground.till.passwords["tills/berlin"]
    await adapter.grant(order)
    await adapter.revoke(order)
    assert ground.till.passwords["tills/berlin"] == value
    await adapter.grant(order)
    shown = (await adapter.issue(order)).snippets[0].text
    assert shown == value
    await adapter.revoke(order)
    assert ground.till.passwords["tills/berlin"] != value


@of("secret")
async def test_a_rotation_under_way_is_waited_for(
    ground: VaultGround, adapter: VaultAdapter
) -> None:
    """Until there is a newer version the secret is not returned."""
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    ground.till.is_slow = True
    with pytest.raises(PendingError, match="still version 1"):
        await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.PRESENT
    assert await ground.admits(order, credential)
    ground.till.install("tills/berlin")
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT
    assert not await ground.admits(order, credential)


@of("secret")
async def test_a_rotation_that_fails_is_said(ground: VaultGround, adapter: VaultAdapter) -> None:
    """Refused where a human must act, unreachable where time heals; the token stands in neither."""
    order = ground.order()
    await adapter.grant(order)
    await adapter.issue(order)
    async with ground.till.storm(Storm.BROKEN):
        with pytest.raises(UnreachableError):
            await adapter.revoke(order)
    token, ground.till.token = ground.till.token, "another"
    with pytest.raises(RefusedError, match="refused with 401") as caught:
        await adapter.revoke(order)
    assert token not in str(caught.value)
    ground.till.token = token
    await adapter.revoke(order)


@of("secret")
async def test_without_a_rotation_nothing_is_lent(ground: VaultGround) -> None:
    """Nobody would change it: doctor says so and a grant is refused."""
    settings = ground.settings().model_copy(update={"rotation": None})
    adapter = VaultAdapter("vault", settings)
    (said,) = await adapter.probe([ground.block()])
    assert "give the provider a rotation" in said
    with pytest.raises(RefusedError, match="rotation"):
        await adapter.grant(ground.order())
    await adapter.aclose()


async def test_each_missing_right_is_named(ground: VaultGround, adapter: VaultAdapter) -> None:
    """Without any one line of the documented policy, doctor says which path lacks what."""
    blocks = [
        {"policies": ["orders-read"], "creds": "database/creds/reader"},
        {"group": "orders-oncall"},
        {"secret": "tills/berlin"},
    ]
    ground.house.identity.group("orders-oncall", [])
    ground.house.policy("curfew", DOCUMENTED)
    assert await adapter.probe(blocks) == []
    lines = [line for line in DOCUMENTED.splitlines() if line.startswith("path")]
    for line in lines:
        ground.house.policies["curfew"] = Policy(DOCUMENTED.replace(line, ""))
        said = await adapter.probe(blocks)
        path = line.split('"')[1].rstrip("*").rstrip("-")
        assert any(path in sentence for sentence in said), line


async def test_an_ended_login_is_made_again() -> None:
    """AppRole's token ends after minutes; a call that finds it dead logs in once more."""
    async with VaultGround("token", login="approle") as ground:
        adapter = ground.connect()
        order = ground.order(lasts=timedelta(hours=8))
        await adapter.grant(order)
        ground.house.advance(ground.now() + timedelta(hours=2))
        assert await adapter.verify(order) is Presence.PRESENT
        logins = [call for call in ground.house.calls if "approle" in call.path]
        assert len(logins) == 2
        await adapter.aclose()


async def test_the_end_is_by_vault_s_clock(ground: VaultGround, adapter: VaultAdapter) -> None:
    """A Vault whose clock is ahead is told what is left by its own."""
    ground.house.moved = timedelta(hours=5)
    order = ground.order(lasts=timedelta(minutes=10))
    await adapter.grant(order)
    assert await adapter.verify(order) is Presence.PRESENT
    await adapter.issue(order)
    (token,) = [t for t in ground.house.tokens.tokens.values() if order.mark in t.lease]
    assert token.until is not None
    assert timedelta(0) <= order.expires_at - token.until < timedelta(seconds=3)


async def test_no_more_calls_than_needed(ground: VaultGround, adapter: VaultAdapter) -> None:
    """A grant writes the role and looks for tokens; a revoke deletes, revokes, and reads a note."""
    calls = ground.house.calls
    order = ground.order()
    await adapter.grant(order)
    assert sorted(call.method for call in calls) == ["GET", "POST"]
    calls.clear()
    await adapter.revoke(order)
    assert [call.method for call in calls] == ["DELETE", "POST", "GET"]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({}, "exactly one of"),
        ({"policies": ["a"], "group": "b"}, "exactly one of"),
        ({"creds": "database/creds/x", "group": "b"}, "creds needs policies"),
        ({"policies": ["root"]}, "no policy that can be given"),
        ({"policies": ["a"], "creds": "../sys/seal"}, "is no path"),
        ({"policies": ["a"], "creds": "/x"}, "is no path"),
        ({"policies": ["a"], "mount": "kv"}, "mount belongs to secret"),
    ],
)
def test_blocks_are_checked(block: dict[str, object], said: str) -> None:
    """What cannot work is said when the policy is read."""
    with pytest.raises(ValidationError, match=said):
        VaultParams.model_validate(block)


def test_one_login_is_needed() -> None:
    """A token or AppRole, not both and not none."""
    for extra in ({}, {"token": "t", "approle": {"role_id": "a", "secret_id": SecretStr("b")}}):
        with pytest.raises(ValidationError, match="either token or approle"):
            VaultSettings.model_validate({"address": "https://v.example.com", **extra})
