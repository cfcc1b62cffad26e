"""The stand-in for a cluster refuses what Kubernetes' documentation and sources refuse."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.providers.kubernetes import KubernetesStandIn

RBAC = "/apis/rbac.authorization.k8s.io/v1"
REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
USER = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "dana"}
BINDING = {"metadata": {"name": "b"}, "roleRef": REF, "subjects": [USER]}
ACCOUNTS = "/api/v1/namespaces/curfew/serviceaccounts"
BINDINGS = f"{RBAC}/namespaces/orders/rolebindings"


@pytest.fixture
async def house() -> AsyncIterator[KubernetesStandIn]:
    async with KubernetesStandIn() as made:
        yield made


@pytest.fixture
async def session(house: KubernetesStandIn) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {house.bot_token}"}
    async with aiohttp.ClientSession(house.url, headers=headers) as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", BINDINGS, BINDING, 201),
        ("POST", BINDINGS, {**BINDING, "kind": "ClusterRoleBinding"}, 400),
        ("POST", BINDINGS, {**BINDING, "subject": USER}, 400),
        ("POST", BINDINGS, {**BINDING, "roleRef": {"kind": "Role", "name": "reader"}}, 422),
        ("POST", BINDINGS, {**BINDING, "subjects": [{"kind": "User", "name": "dana"}]}, 422),
        ("POST", BINDINGS, {**BINDING, "metadata": {"name": "a/b"}}, 422),
        ("POST", BINDINGS, {**BINDING, "metadata": {"name": "b", "labels": {"a b": "c"}}}, 422),
        ("POST", BINDINGS, {**BINDING, "metadata": {"name": "b", "namespace": "curfew"}}, 400),
        ("POST", f"{RBAC}/clusterrolebindings", BINDING, 422),
        ("POST", f"{RBAC}/namespaces/nowhere/rolebindings", BINDING, 404),
        ("POST", ACCOUNTS, {"metadata": {"name": "Curfew"}}, 422),
        ("GET", f"{ACCOUNTS}/nobody", None, 404),
        ("GET", "/api/v1/pods", None, 404),
        ("GET", "/api/v2/namespaces", None, 404),
        ("GET", "/apis/rbac.authorization.k8s.io/v1beta1/roles", None, 404),
        ("PATCH", f"{ACCOUNTS}/curfew-bot", {}, 405),
        ("DELETE", ACCOUNTS, None, 405),
        ("GET", "/api/v1/namespaces/orders/secrets", None, 403),
        ("GET", f"{BINDINGS}?fieldSelector=a", None, 400),
    ],
)
async def test_what_is_taken(
    session: aiohttp.ClientSession, method: str, path: str, body: object, status: int
) -> None:
    """Paths, verbs, fields, names and namespaces as documented, and nothing else."""
    async with session.request(method, path, json=body) as response:
        said = await response.json()
        assert response.status == status, said
        if status >= 400:
            assert said["kind"] == "Status"
            assert said["code"] == status


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"expirationSeconds": 600}, 201),
        ({"expirationSeconds": 599}, 422),
        ({"expirationSeconds": "600"}, 422),
        ({"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "gone"}}, 404),
        ({"boundObjectRef": {"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}}, 400),
        ({"bound": {}}, 400),
    ],
)
async def test_tokens(session: aiohttp.ClientSession, spec: dict[str, Any], status: int) -> None:
    """No token for less than ten minutes, none bound to what is not there or cannot be bound to."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    async with session.post(f"{ACCOUNTS}/curfew-bot/token", json=body) as response:
        assert response.status == status


async def test_a_role_reference_cannot_be_changed(session: aiohttp.ClientSession) -> None:
    """Subjects can, at the version that was read."""
    async with session.post(BINDINGS, json=BINDING) as response:
        made = await response.json()
    changes = [
        ({**made, "roleRef": {**REF, "name": "writer"}}, 422),
        ({**made, "metadata": {**made["metadata"], "resourceVersion": "0"}}, 409),
        ({**made, "subjects": []}, 200),
    ]
    for body, status in changes:
        async with session.put(f"{BINDINGS}/b", json=body) as response:
            assert response.status == status


async def test_rbac_is_asked_for_every_call(house: KubernetesStandIn) -> None:
    """A person with a role may do what it says, in its namespace, and nothing more."""
    token = house.access.sign_in("dana")
    house.store.add("rolebindings", BINDING, "orders")
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(house.url, headers=headers) as session:
        for path, status in (
            ("/api/v1/namespaces/orders/configmaps", 200),
            ("/api/v1/namespaces/curfew/configmaps", 403),
            ("/api/v1/configmaps", 403),
            (BINDINGS, 403),
        ):
            async with session.get(path) as response:
                assert response.status == status, path
        async with session.post(BINDINGS, json=BINDING) as response:
            assert response.status == 403


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Token {token}"])
async def test_who_shows_nothing_is_nobody(house: KubernetesStandIn, header: str) -> None:
    """401 in the API's own form."""
    headers = {"Authorization": header.format(token=house.bot_token)}
    async with (
        aiohttp.ClientSession(house.url, headers=headers) as session,
        session.get("/api/v1/configmaps") as response,
    ):
        assert response.status == 401
        assert (await response.json())["reason"] == "Unauthorized"
