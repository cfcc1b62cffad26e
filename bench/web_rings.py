"""Okta, Kubernetes and Vault beside their own clients, in front of the stand-ins.

The bare clients are aiohttp for Okta, Kubernetes' own for Kubernetes, hvac for Vault. They make the
calls that the effect takes, one after the other, as a script would.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import aiohttp
import hvac
from kubernetes_asyncio import client
from kubernetes_asyncio.client.exceptions import ApiException

from adapters.base import Adapter, Order
from adapters.kubernetes import KubernetesAdapter
from adapters.okta import OktaAdapter
from adapters.vault import VaultAdapter
from bench.ring import CROWD, Ring
from sandbox.providers._house import House
from tests.conformance.kubernetes_ground import KubernetesGround
from tests.conformance.okta_ground import OktaGround
from tests.conformance.vault_ground import VaultGround


def port_of(house: House) -> int:
    return urlsplit(house.url).port or 0


def at(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _okta() -> AsyncIterator[Ring]:
    async with OktaGround() as ground, aiohttp.ClientSession(ground.house.url) as bare:
        bare.headers["Authorization"] = f"SSWS {ground.token}"
        users = [ground.house.people.hire(f"u{number}@example.com") for number in range(CROWD)]

        def order(number: int) -> Order:
            return ground.order(person=ground.person(f"u{number % CROWD}"))

        async def call(method: str, path: str) -> object:
            async with bare.request(method, f"/api/v1/{path}") as response:
                return await response.json() if response.status == 200 else None

        async def give(order: Order) -> None:
            found = await call("GET", f"users/{order.person.email}")
            assert isinstance(found, dict)
            await call("PUT", f"groups/{order.params['group']}/users/{found['id']}")

        async def take(order: Order) -> None:
            user = next(user for user in users if user.login == order.person.email)
            await call("DELETE", f"groups/{order.params['group']}/users/{user.id}")

        def adapter(port: int) -> Adapter:
            there = ground.settings().model_copy(update={"url": at(port)})
            return OktaAdapter("bench", there, call_limit=60.0)

        yield Ring(port_of(ground.house), adapter, order, give, take, (2, 1))


@asynccontextmanager
async def _kubernetes(login: str) -> AsyncIterator[Ring]:
    async with KubernetesGround(login) as ground:
        made = client.Configuration(host=ground.house.url)
        made.api_key = {"BearerToken": f"Bearer {ground.house.bot_token}"}
        async with client.ApiClient(made) as api:
            core, rbac = client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
            role = client.V1RoleRef(
                api_group="rbac.authorization.k8s.io", kind="Role", name="reader"
            )

            async def give(order: Order) -> None:
                meta = client.V1ObjectMeta(name=order.mark, labels={"curfew/grant": order.grant_id})
                subject = client.RbacV1Subject(
                    api_group=role.api_group, kind="User", name=order.person.email
                )
                if not ground.is_existing:
                    account = client.V1ServiceAccount(metadata=meta)
                    await core.create_namespaced_service_account("curfew", account)
                    subject = client.RbacV1Subject(
                        kind="ServiceAccount", name=order.mark, namespace="curfew"
                    )
                body = client.V1RoleBinding(metadata=meta, role_ref=role, subjects=[subject])
                await rbac.create_namespaced_role_binding("orders", body)

            async def take(order: Order) -> None:
                await rbac.delete_namespaced_role_binding(order.mark, "orders")
                if ground.is_existing:
                    return
                try:  # whether credentials were asked for, nobody has written down
                    await core.delete_namespaced_secret(order.mark, "curfew")
                except ApiException as error:
                    if error.status != 404:
                        raise
                await core.delete_namespaced_service_account(order.mark, "curfew")

            def adapter(port: int) -> Adapter:
                there = ground.settings().model_copy(update={"server": at(port)})
                return KubernetesAdapter("bench", there, call_limit=60.0)

            needed = (1, 1) if ground.is_existing else (2, 3)
            yield Ring(port_of(ground.house), adapter, lambda _: ground.order(), give, take, needed)


@asynccontextmanager
async def _vault() -> AsyncIterator[Ring]:
    async with VaultGround("token") as ground:
        bare = hvac.Client(ground.house.url, ground.bot_token)

        def make(order: Order) -> None:
            bare.auth.token.create_or_update_role(
                order.mark,
                allowed_policies=["orders-read"],
                orphan=True,
                renewable=False,
                path_suffix="until-1",
            )
            bare.adapter.get(
                f"/v1/sys/leases/lookup/auth/token/create/{order.mark}/?list=true",
                raise_exception=False,
            )

        def remove(order: Order) -> None:
            bare.auth.token.delete_role(order.mark)
            prefix = f"/v1/sys/leases/revoke-prefix/auth/token/create/{order.mark}"
            bare.adapter.post(prefix, json={"sync": True})
            bare.adapter.get(f"/v1/identity/entity/name/{order.mark}", raise_exception=False)

        # the library blocks, so a program with a loop has to call it in a thread
        async def give(order: Order) -> None:
            await asyncio.to_thread(make, order)

        async def take(order: Order) -> None:
            await asyncio.to_thread(remove, order)

        def adapter(port: int) -> Adapter:
            there = ground.settings().model_copy(update={"address": at(port)})
            return VaultAdapter("bench", there, call_limit=60.0)

        def order(_: int) -> Order:
            made = ground.order()
            return replace(made, params=dict(made.params))

        yield Ring(port_of(ground.house), adapter, order, give, take, (2, 3))
        bare.adapter.close()


WEB_RINGS: Mapping[str, Callable[[], AbstractAsyncContextManager[Ring]]] = {
    "kubernetes": partial(_kubernetes, "temporary"),
    "kubernetes-existing": partial(_kubernetes, "existing"),
    "okta": _okta,
    "vault": _vault,
}
