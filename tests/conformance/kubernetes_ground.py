"""The stand-in for a cluster, seen through its memory and by Kubernetes' own client."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

import yaml
from kubernetes_asyncio import client, config
from kubernetes_asyncio.client.exceptions import ApiException
from pydantic import SecretStr

from adapters._kubernetes_policy import KubernetesSettings
from adapters.base import Credential, Order
from adapters.conformance import Ground, Weather
from adapters.kubernetes import KubernetesAdapter
from sandbox.providers._house import Storm
from sandbox.providers.kubernetes import RBAC, KubernetesStandIn

STORMS = {
    Weather.DOWN: Storm.DOWN,
    Weather.SILENT: Storm.SILENT,
    Weather.CROWDED: Storm.CROWDED,
}


class KubernetesGround(Ground):
    """Resource 0 reads in a namespace, resource 1 writes everywhere; `login` is the block's."""

    def __init__(self, login: str) -> None:
        self.house = KubernetesStandIn()
        self.login = login
        self.tokens: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        await self.house.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.house.stop()

    @property
    def is_existing(self) -> bool:
        return self.login == "existing"

    def settings(self) -> KubernetesSettings:
        return KubernetesSettings(server=self.house.url, token=SecretStr(self.house.bot_token))

    def connect(self, call_limit: float = 10.0) -> KubernetesAdapter:
        return KubernetesAdapter("cluster", self.settings(), call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        if number == 0:
            return {"role": "reader", "namespace": "orders", "login": self.login}
        return {"cluster_role": "writer", "login": self.login}

    async def inventory(self) -> frozenset[str]:
        store = self.house.store
        return frozenset(
            f"{key} {json.dumps(found, sort_keys=True)}" for key, found in store.objects.items()
        )

    def name(self, order: Order) -> str:
        return str(order.person.names.get("kubernetes") or order.person.email)

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        """By Kubernetes' own client: with the kubeconfig, else with the person's own token."""
        if self.is_existing:
            name = self.name(order)
            token = self.tokens.setdefault(name, self.house.access.sign_in(name))
            made = client.Configuration(host=self.house.url)
            made.api_key = {"BearerToken": f"Bearer {token}"}
        elif credential is None:
            return False
        else:
            made = client.Configuration()
            shown = yaml.safe_load(credential.snippets[0].text)
            await config.load_kube_config_from_dict(shown, client_configuration=made)
        async with client.ApiClient(made) as api:
            return await self._may(client.CoreV1Api(api), order)

    async def _may(self, core: client.CoreV1Api, order: Order) -> bool:
        try:
            if "role" in order.params:
                await core.list_namespaced_config_map("orders")
            else:
                body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="written"))
                await core.create_namespaced_config_map("curfew", body)
                await core.delete_namespaced_config_map("written", "curfew")
        except ApiException as error:
            if error.status not in {401, 403}:
                raise
            return False
        return True

    async def hold(self, order: Order) -> None:
        """The same role, bound to the same person by somebody else."""
        kind = "Role" if "role" in order.params else "ClusterRole"
        role = order.params.get("role") or order.params.get("cluster_role")
        resource = "rolebindings" if kind == "Role" else "clusterrolebindings"
        body = {
            "metadata": {"name": "by-hand"},
            "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
            "subjects": [{"kind": "User", "apiGroup": RBAC, "name": self.name(order)}],
        }
        self.house.store.add(resource, body, str(order.params.get("namespace", "")))

    async def release(self, order: Order) -> None:
        resource = "rolebindings" if "role" in order.params else "clusterrolebindings"
        namespace = str(order.params.get("namespace", ""))
        self.house.store.delete(resource, namespace, "by-hand")

    async def take_away(self, order: Order) -> None:
        resource = "rolebindings" if "role" in order.params else "clusterrolebindings"
        namespace = str(order.params.get("namespace", ""))
        self.house.store.delete(resource, namespace, order.mark)

    async def disguise(self) -> None:
        store, subject = self.house.store, {"kind": "User", "apiGroup": RBAC, "name": "eli"}
        reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "reader"}
        bound = {"roleRef": reference, "subjects": [subject]}
        for name, labels in (
            ("curfew-abcdefgh012", {"curfew/grants": "abcdefgh012"}),
            ("xcurfew-abcdefgh0123", {"curfew/grant": "abcdefgh0123"}),
            ("curfew-abcdefgh0123", {"grant": "abcdefgh0123"}),
        ):
            store.add(
                "rolebindings", {"metadata": {"name": name, "labels": labels}, **bound}, "orders"
            )
            store.add("serviceaccounts", {"metadata": {"name": name, "labels": labels}}, "curfew")

    async def hostile(self, text: str) -> Order:
        order = await super().hostile(text)
        return replace(order, person=replace(order.person, names={"kubernetes": text}))

    def secrets(self) -> tuple[str, ...]:
        return (self.house.bot_token,)

    async def until(self, moment: datetime) -> None:
        self.house.advance(moment)

    def now(self) -> datetime:
        return self.house.now()

    @asynccontextmanager
    async def weather(self, kind: Weather) -> AsyncIterator[None]:
        if kind in STORMS:
            async with self.house.storm(STORMS[kind]):
                yield
            return
        if kind is Weather.LOCKED:
            kept: dict[Any, Any] = dict(self.house.access.tokens)
            self.house.access.tokens.clear()
            yield
            self.house.access.tokens.update(kept)
            return
        rules = self.house.store.objects["clusterroles", "", "curfew-bot-everywhere"]["rules"]
        whole = list(rules[0]["verbs"])
        rules[0]["verbs"] = ["get", "list"]
        yield
        rules[0]["verbs"] = whole
