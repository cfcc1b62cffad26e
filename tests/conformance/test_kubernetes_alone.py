"""What only Kubernetes has: tokens bound to objects, bindings, RBAC that can be asked."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from adapters._kubernetes_policy import KubernetesParams, KubernetesSettings
from adapters.base import Order, Presence, RefusedError, UnreachableError
from adapters.kubernetes import KubernetesAdapter
from sandbox.providers._house import Storm
from sandbox.providers._kubernetes_access import Token
from tests.conformance.kubernetes_ground import KubernetesGround

PAGE = Path(__file__).parents[2] / "docs" / "adapters" / "kubernetes.md"


@pytest.fixture
async def ground() -> AsyncIterator[KubernetesGround]:
    async with KubernetesGround("temporary") as made:
        yield made


@pytest.fixture
async def adapter(ground: KubernetesGround) -> AsyncIterator[KubernetesAdapter]:
    made = ground.connect()
    yield made
    await made.aclose()


def tokens(ground: KubernetesGround, order: Order) -> list[Token]:
    return [t for t in ground.house.access.tokens.values() if t.account == order.mark]


@pytest.mark.parametrize(("lasts", "expected"), [(60, 600), (7200, 7200)])
async def test_a_token_lasts_as_long_as_the_grant(
    ground: KubernetesGround, adapter: KubernetesAdapter, lasts: int, expected: int
) -> None:
    """The time that is left, and never less than the ten minutes that a cluster asks for."""
    order = ground.order(lasts=timedelta(seconds=lasts))
    await adapter.grant(order)
    await adapter.issue(order)
    (token,) = tokens(ground, order)
    left = (token.until - ground.now()).total_seconds()
    assert expected - 5 <= left <= expected


async def test_a_token_that_is_believed_for_a_while_opens_nothing(
    ground: KubernetesGround, adapter: KubernetesAdapter
) -> None:
    """Real servers remember a good token for seconds: without the binding it is worth nothing."""
    ground.house.access.cache = timedelta(seconds=10)
    order = ground.order()
    await adapter.grant(order)
    credential = await adapter.issue(order)
    assert await ground.admits(order, credential)
    await adapter.revoke(order)
    assert not await ground.admits(order, credential)


async def test_a_late_secret_is_collected(
    ground: KubernetesGround, adapter: KubernetesAdapter
) -> None:
    """What a token hangs on has the account as its owner: it does not outlive it."""
    order = ground.order()
    await adapter.grant(order)
    await adapter.issue(order)
    assert ("secrets", "curfew", order.mark) in ground.house.store.objects
    ground.house.store.delete("serviceaccounts", "curfew", order.mark)
    assert ("secrets", "curfew", order.mark) not in ground.house.store.objects
    assert await adapter.verify(order) is Presence.PARTIAL
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT


async def test_a_binding_that_was_changed_is_put_right(
    ground: KubernetesGround, adapter: KubernetesAdapter
) -> None:
    """Another subject or another role under our name is not called present; a grant mends it."""
    order = ground.order()
    await adapter.grant(order)
    found = ground.house.store.objects["rolebindings", "orders", order.mark]
    found["subjects"] = [{"kind": "ServiceAccount", "name": "other", "namespace": "curfew"}]
    assert await adapter.verify(order) is Presence.PARTIAL
    with pytest.raises(RefusedError):
        await adapter.issue(order)
    await adapter.grant(order)
    assert await adapter.verify(order) is Presence.PRESENT
    found = ground.house.store.objects["rolebindings", "orders", order.mark]
    found["roleRef"] = {**found["roleRef"], "name": "writer"}
    assert await adapter.verify(order) is Presence.PARTIAL
    await adapter.grant(order)
    assert await adapter.verify(order) is Presence.PRESENT


async def test_the_documented_role_is_enough_and_no_less(ground: KubernetesGround) -> None:
    """With the manifest of the page the whole life works; without any verb of it doctor speaks."""
    text = PAGE.read_text().split("```yaml\napiVersion: v1\n", 1)[1].split("```", 1)[0]
    documents = list(yaml.safe_load_all("apiVersion: v1\n" + text))
    rules = {each["metadata"]["name"]: each["rules"] for each in documents if "rules" in each}
    objects = ground.house.store.objects
    objects["clusterroles", "", "curfew-bot-everywhere"]["rules"] = rules["curfew-bot-everywhere"]
    objects["roles", "curfew", "curfew-bot-accounts"]["rules"] = rules["curfew-bot-accounts"]
    adapter = ground.connect()
    blocks = [ground.block(0), ground.block(1)]
    assert await adapter.probe(blocks) == []
    for order in (ground.order(0), ground.order(1)):
        await adapter.grant(order)
        await adapter.issue(order)
        await adapter.grant(order)
        await adapter.revoke(order)
    for rule in (rule for each in rules.values() for rule in each):
        for verb in list(rule["verbs"]):
            rule["verbs"].remove(verb)
            said = await adapter.probe(blocks)
            if verb != "get" or "roles" not in rule["resources"]:
                assert any(f"may not {verb} " in sentence for sentence in said), (verb, rule)
            rule["verbs"].append(verb)
    await adapter.aclose()


async def test_a_role_that_is_not_there_is_named(adapter: KubernetesAdapter) -> None:
    """RBAC would bind a role that does not exist; doctor says so."""
    (said,) = await adapter.probe([{"role": "gone", "namespace": "orders"}])
    assert "no Role gone in the namespace orders" in said
    (said,) = await adapter.probe([{"cluster_role": "gone"}])
    assert "no ClusterRole gone" in said


async def test_a_role_that_we_may_not_give_is_refused(
    ground: KubernetesGround, adapter: KubernetesAdapter
) -> None:
    """Without `bind` the cluster refuses, and half of a grant is cleaned up by a revoke."""
    rules = ground.house.store.objects["clusterroles", "", "curfew-bot-everywhere"]["rules"]
    rules[1]["verbs"] = ["get"]
    order = ground.order()
    with pytest.raises(RefusedError, match="not currently held"):
        await adapter.grant(order)
    await adapter.revoke(order)
    assert await adapter.verify(order) is Presence.ABSENT


@pytest.mark.parametrize("name", ["system:masters", "system:serviceaccount:curfew:curfew-bot"])
async def test_the_cluster_s_own_names_are_nobody(ground: KubernetesGround, name: str) -> None:
    """Nobody is let in as what the cluster keeps for itself."""
    ground.login = "existing"
    adapter = ground.connect()
    order = ground.order()
    order = replace(order, person=replace(order.person, names={"kubernetes": name}))
    with pytest.raises(RefusedError, match="is no person"):
        await adapter.grant(order)
    await adapter.aclose()


async def test_e_mails_get_the_cluster_s_prefix(ground: KubernetesGround) -> None:
    """`user_prefix` goes before the e-mail, and not before a name from the policy."""
    ground.login = "existing"
    settings = ground.settings().model_copy(update={"user_prefix": "oidc:"})
    adapter = KubernetesAdapter("cluster", settings)
    order = ground.order()
    named = replace(order, person=replace(order.person, names={"cluster": "dana"}))
    for each, name in ((order, "oidc:dana@example.com"), (named, "dana")):
        await adapter.grant(each)
        found = ground.house.store.objects["rolebindings", "orders", order.mark]
        assert [subject["name"] for subject in found["subjects"]] == [name]
    await adapter.revoke(order)
    await adapter.aclose()


async def test_the_bot_s_token_may_be_a_file(ground: KubernetesGround, tmp_path: Path) -> None:
    """One that was exchanged meanwhile is read again; one that cannot be read is said."""
    file = tmp_path / "token"
    settings = KubernetesSettings(server=ground.house.url, token_file=file)
    adapter = KubernetesAdapter("cluster", settings)
    with pytest.raises(RefusedError, match="cannot be read"):
        await adapter.verify(ground.order())
    file.write_text("an-old-one")
    with pytest.raises(RefusedError, match="does not accept our token"):
        await adapter.verify(ground.order())
    file.write_text(ground.house.bot_token + "\n")
    assert await adapter.verify(ground.order()) is Presence.ABSENT
    await adapter.aclose()


async def test_people_get_their_own_way_in(ground: KubernetesGround, tmp_path: Path) -> None:
    """`connect` says where people go, with whose certificate."""
    ca = tmp_path / "ca.crt"
    ca.write_text("-----BEGIN CERTIFICATE-----")
    entry = {"server": "https://public.example.com", "ca_file": ca}
    settings = KubernetesSettings.model_validate(
        {
            "server": ground.house.url,
            "token": SecretStr(ground.house.bot_token),
            "connect": entry,
        }
    )
    adapter = KubernetesAdapter("cluster", settings)
    order = ground.order()
    await adapter.grant(order)
    shown = yaml.safe_load((await adapter.issue(order)).snippets[0].text)
    cluster = shown["clusters"][0]["cluster"]
    assert cluster["server"] == "https://public.example.com"
    assert cluster["certificate-authority-data"]
    assert shown["contexts"][0]["context"]["namespace"] == "orders"
    await adapter.revoke(order)
    await adapter.aclose()


async def test_the_wait_is_the_server_s(
    ground: KubernetesGround, adapter: KubernetesAdapter
) -> None:
    """429 says how long."""
    async with ground.house.storm(Storm.CROWDED):
        with pytest.raises(UnreachableError) as caught:
            await adapter.verify(ground.order())
    assert caught.value.retry_after == 3


async def test_no_more_calls_than_needed(
    ground: KubernetesGround, adapter: KubernetesAdapter
) -> None:
    """One call for each thing that is made or taken away."""
    calls = ground.house.calls
    order = ground.order()
    await adapter.grant(order)
    assert [call.method for call in calls] == ["POST", "POST"]
    calls.clear()
    await adapter.revoke(order)
    assert [call.method for call in calls] == ["DELETE"] * 3


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({}, "either role or cluster_role"),
        ({"role": "a", "cluster_role": "b"}, "either role or cluster_role"),
        ({"role": "reader"}, "lives in a namespace"),
        ({"cluster_role": "a/b"}, "is no name of a role"),
        ({"cluster_role": "..", "namespace": "x"}, "is no name of a role"),
        ({"role": "a", "namespace": "Orders"}, "match pattern"),
    ],
)
def test_blocks_are_checked(block: dict[str, object], said: str) -> None:
    """What cannot work is said when the policy is read."""
    with pytest.raises(ValidationError, match=said):
        KubernetesParams.model_validate(block)
