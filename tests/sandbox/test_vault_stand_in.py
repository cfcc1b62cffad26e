"""The stand-in for Vault refuses what Vault's documentation refuses."""

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest

from sandbox.providers._vault_forms import Policy, capabilities
from sandbox.providers.vault import VaultStandIn

ROLE = {"allowed_policies": ["p"], "orphan": True, "path_suffix": "v1"}
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
async def house() -> AsyncIterator[VaultStandIn]:
    async with VaultStandIn() as made:
        made.secrets.put("a", {"b": "c"})
        yield made


@pytest.fixture
async def session(house: VaultStandIn) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"X-Vault-Token": house.login({"root"})}
    async with aiohttp.ClientSession(house.url, headers=headers) as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "auth/token/roles/r", ROLE, 204),
        ("POST", "auth/token/roles/r", {**ROLE, "colour": "red"}, 400),
        ("POST", "auth/token/roles/r", {**ROLE, "token_explicit_max_ttl": "soon"}, 400),
        ("GET", "auth/token/roles/r", None, 404),
        ("GET", "auth/token/roles?list=true", None, 404),
        ("POST", "auth/token/create/r", {}, 400),
        ("GET", "secret/data/a", None, 200),
        ("GET", "secret/data/none", None, 404),
        ("PUT", "secret/metadata/a", {}, 405),
        ("PATCH", "secret/metadata/a", {"custom_metadata": {"k": "v"}}, 415),
        ("POST", "sys/leases/revoke", {"lease_id": "x", "sync": True}, 204),
        ("GET", "sys/leases/lookup/auth/token/create/r/?list=true", None, 404),
        ("POST", "identity/lookup/entity", {"name": "nobody"}, 204),
        ("POST", "identity/lookup/entity", {"alias_name": "x"}, 400),
        ("POST", "identity/group/name/g", {"member_entity_ids": ["nobody"]}, 400),
        ("GET", "identity/group/name/g", None, 404),
        ("GET", "nowhere/x", None, 404),
    ],
)
async def test_what_is_taken(
    session: aiohttp.ClientSession, method: str, path: str, body: object, status: int
) -> None:
    """Paths, verbs and fields as documented, and nothing else."""
    async with session.request(method, f"/v1/{path}", json=body) as response:
        assert response.status == status, await response.text()


async def test_tokens_of_a_role(house: VaultStandIn, session: aiohttp.ClientSession) -> None:
    """Only allowed policies, until their end, found below the role's name and revoked by it."""
    await session.post("/v1/auth/token/roles/r", json=ROLE)
    async with session.post("/v1/auth/token/create/r", json={"policies": ["q"]}) as response:
        assert response.status == 400
    made = []
    for body in ({"explicit_max_ttl": "90s"}, {"explicit_max_ttl": "2h"}):
        async with session.post("/v1/auth/token/create/r", json=body) as response:
            made.append((await response.json())["auth"]["client_token"])
    house.advance(house.now() + timedelta(seconds=100))
    assert house.tokens.find(made[0]) is None
    assert house.tokens.find(made[1]) is not None
    prefix = "/v1/sys/leases/revoke-prefix/auth/token/create"
    async with session.post(f"{prefix}/r2", json={}) as response:
        assert response.status == 204
    assert house.tokens.find(made[1]) is not None
    async with session.post(f"{prefix}/r", json={"sync": True}) as response:
        assert response.status == 204
    assert house.tokens.find(made[1]) is None


async def test_what_hangs_on_a_token_ends_with_it(house: VaultStandIn) -> None:
    """Its leases are taken back, and so are its children."""
    parent = house.tokens.tokens[house.login({"root"})]
    child = house.tokens.new({"root"}, "auth/token/create", timedelta(hours=1), parent=parent.id)
    headers = {"X-Vault-Token": child.id}
    async with (
        aiohttp.ClientSession(house.url, headers=headers) as session,
        session.get("/v1/database/creds/reader") as response,
    ):
        assert (await response.json())["lease_id"].startswith("database/creds/reader/")
    assert len(house.database.logins) == 1
    house.tokens.revoke(parent)
    assert house.database.logins == {}
    assert house.tokens.find(child.id) is None


@pytest.mark.parametrize("token", [None, "", "hvs.wrong"])
async def test_nobody_gets_in(house: VaultStandIn, token: str | None) -> None:
    """403 without a token that is good."""
    headers = {} if token is None else {"X-Vault-Token": token}
    async with (
        aiohttp.ClientSession(house.url, headers=headers) as session,
        session.get("/v1/secret/data/a") as response,
    ):
        assert response.status == 403
        assert (await response.json())["errors"] == ["permission denied"]


async def test_sudo_is_asked_for(house: VaultStandIn) -> None:
    """Without it the dangerous paths are shut, whatever else is allowed."""
    house.policy("p", 'path "sys/leases/*" { capabilities = ["update", "list"] }')
    headers = {"X-Vault-Token": house.login({"p"})}
    async with aiohttp.ClientSession(house.url, headers=headers) as session:
        async with session.post("/v1/sys/leases/revoke-prefix/x", json={}) as response:
            assert response.status == 403
        async with session.post("/v1/sys/leases/revoke", json={"lease_id": "x"}) as response:
            assert response.status == 204


async def test_metadata_is_merged(house: VaultStandIn, session: aiohttp.ClientSession) -> None:
    """Given keys are set, null takes one away, others stay; only texts are taken."""
    for body, status in (
        ({"custom_metadata": {"a": "1", "b": "2"}}, 204),
        ({"custom_metadata": {"a": None, "c": "3"}}, 204),
        ({"custom_metadata": {"d": 4}}, 400),
    ):
        async with session.patch("/v1/secret/metadata/a", json=body, headers=MERGE) as response:
            assert response.status == status
    assert house.secrets.custom["a"] == {"b": "2", "c": "3"}


@pytest.mark.parametrize(
    ("rules", "path", "granted"),
    [
        ('path "a/*" { capabilities = ["read"] }', "a/b/c", {"read"}),
        ('path "a/*" { capabilities = ["read"] }', "ab", {"deny"}),
        ('path "a/+/c" { capabilities = ["list"] }', "a/b/c", {"list"}),
        (
            'path "a/*" { capabilities = ["read"] }\npath "a/b" { capabilities = ["deny"] }',
            "a/b",
            {"deny"},
        ),
        (
            'path "a/*" { capabilities = ["deny"] }\npath "a/b" { capabilities = ["read"] }',
            "a/b",
            {"read"},
        ),
    ],
)
def test_policies(rules: str, path: str, granted: set[str]) -> None:
    """The most specific rule of a policy counts; what no rule names is denied."""
    assert capabilities([Policy(rules)], path) == granted


def test_what_is_no_policy() -> None:
    """A text that Vault would not take."""
    for text in ("", 'path "a" { capabilities = ["fly"] }', 'path a { capabilities = ["read"] }'):
        with pytest.raises(ValueError, match=r"policy|capabilities"):
            Policy(text)
