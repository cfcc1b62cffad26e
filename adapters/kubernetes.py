"""Access to a Kubernetes cluster: a role bound for a while, to a person or to an account of ours.

Rules that this adapter keeps:

- Everything made is named by the mark and carries the grant's id as a label.
- With `login: existing` the person's own identity gets the role; nothing else is made.
- Else a service account gets it. Tokens of it hang on an empty Secret: a new one for each press of
  *Get credentials*, so that the former tokens die with the former Secret.
- Revoking takes the binding, the Secret and the account away, whatever of them is there.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from adapters import _kubernetes_objects as objects
from adapters import _kubernetes_rights as rights
from adapters._http import together
from adapters._kubernetes_api import Bearer, Cluster, FixedToken, Place, TokenFile
from adapters._kubernetes_objects import GRANT, Binding
from adapters._kubernetes_policy import INSIDE, KubernetesParams, KubernetesSettings
from adapters._turns import Turns
from adapters.base import (
    Adapter,
    Caps,
    Credential,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    RefusedError,
    Snippet,
    UnreachableError,
)

GRACE = 0.5
"""Seconds for which a call whose caller has left may go on to its end."""


class KubernetesAdapter(Adapter):
    """See the module. Needs the rights that `docs/adapters/kubernetes.md` lists."""

    kind: ClassVar[str] = "kubernetes"
    capabilities: Caps = Caps.PER_GRANT | Caps.ISSUES_CREDENTIALS | Caps.LISTS_OWNED
    settle: ClassVar[timedelta] = timedelta(seconds=10)
    forms: ClassVar[Mapping[str, Caps]] = {"login: existing": Caps.PER_GRANT | Caps.LISTS_OWNED}
    Settings: ClassVar[type[ProviderSettings]] = KubernetesSettings
    Params: ClassVar[type[GrantParams]] = KubernetesParams

    settings: KubernetesSettings

    def __init__(
        self, name: str, settings: KubernetesSettings, *, call_limit: float = 10.0
    ) -> None:
        """As the base; keeps up to `connections` connections open between calls."""
        super().__init__(name, settings, call_limit=call_limit)
        bearer: Bearer
        if settings.token is not None:
            bearer = FixedToken(settings.token.get_secret_value())
        else:
            bearer = TokenFile(settings.token_file or INSIDE / "token")
        self._cluster = Cluster(
            settings.server, bearer, size=settings.connections, ca=settings.authority
        )
        self._accounts = Place("serviceaccounts", settings.namespace)
        self._anchors = Place("secrets", settings.namespace)
        self._turns = Turns(grace=GRACE)

    def caps(self, params: Mapping[str, Any]) -> Caps:
        """A person's own identity has its own way to log in."""
        return self.forms["login: existing"] if _is_existing(params) else self.capabilities

    def makes(self, params: Mapping[str, Any]) -> str:
        """A binding, and an account where one is made."""
        wanted = KubernetesParams.model_validate(dict(params))
        binding = wanted.binding
        where = f"in the namespace {binding.namespace}" if binding.namespace else "everywhere"
        whom = "the person" if wanted.login == "existing" else "a service account of its own"
        return f"the {binding.kind} {binding.role} {where} at {self.name}, for {whom}"

    def cleanup(self, order: Order) -> str:
        """Lines for kubectl."""
        label = f"-l {GRANT}={order.grant_id}"
        lines = [
            f"kubectl delete rolebindings --all-namespaces {label}",
            f"kubectl delete clusterrolebindings {label}",
        ]
        if not _is_existing(order.params):
            lines.append(
                f"kubectl delete secrets,serviceaccounts -n {self.settings.namespace} {label}"
            )
        return "\n".join(lines)

    async def aclose(self) -> None:
        """Closes the kept connections when nothing runs any more."""
        await self._turns.aclose()
        await self._cluster.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        return await rights.missing_everywhere(self._cluster, self.settings.namespace)

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        wanted = KubernetesParams.model_validate(dict(params))
        accounts = None if wanted.login == "existing" else self.settings.namespace
        return await rights.missing_for(self._cluster, wanted.binding, accounts)

    async def _grant(self, order: Order) -> None:
        await self._turns.run(lambda: self._give(order), mark=order.mark)

    async def _revoke(self, order: Order) -> None:
        await self._turns.run(lambda: self._take(order), mark=order.mark)

    async def _verify(self, order: Order) -> Presence:
        if not order.params:
            return Presence.PARTIAL if await self._remains(order) else Presence.ABSENT
        presence, _ = await self._look(order)
        return presence

    async def _issue(self, order: Order) -> Credential:
        return await self._turns.run(lambda: self._new_token(order), mark=order.mark)

    async def _owned(self) -> frozenset[str]:
        places = (Place("rolebindings"), Place("clusterrolebindings"), self._accounts)
        found = await together(*(self._cluster.marked(place, GRANT) for place in places))
        marked = [each["metadata"] for kind in found for each in kind]
        return frozenset(
            meta["labels"][GRANT]
            for meta in marked
            if meta["name"] == f"curfew-{meta['labels'][GRANT]}"
        )

    # --- what they are made of ----------------------------------------------------------------

    async def _give(self, order: Order) -> None:
        body = _binding(order).body(order, self._subject(order))
        if _is_existing(order.params):
            await self._bind(order, body)
            return
        account = self._cluster.create(self._accounts, objects.service_account(order))
        await together(account, self._bind(order, body))

    async def _bind(self, order: Order, body: Mapping[str, Any]) -> None:
        binding, subject = _binding(order), self._subject(order)
        if await self._cluster.create(binding.place, body) is not None:
            return
        found = await self._cluster.read(binding.place, order.mark)
        if found is None or objects.is_leaving(found):
            raise UnreachableError(f"{order.mark} is just being taken away in the cluster")
        if found.get("roleRef") != binding.reference:  # which cannot be changed
            await self._cluster.delete(binding.place, order.mark)
            await self._cluster.create(binding.place, body)
        elif not objects.is_bound(found, binding, subject):
            await self._cluster.change(binding.place, order.mark, body)

    async def _look(self, order: Order) -> tuple[Presence, Mapping[str, Any] | None]:
        """What is there, and the account of it."""
        binding, subject = _binding(order), self._subject(order)
        looks = [self._cluster.read(binding.place, order.mark)]
        if not _is_existing(order.params):
            looks.append(self._cluster.read(self._accounts, order.mark))
        found = await together(*looks)
        bound, account = found[0], found[-1]
        if not any(found):
            return Presence.ABSENT, None
        whole = all(each is not None and not objects.is_leaving(each) for each in found)
        if whole and bound and objects.is_bound(bound, binding, subject):
            return Presence.PRESENT, account
        return Presence.PARTIAL, account

    async def _take(self, order: Order) -> None:
        """The door first is all of them at once: without any one nobody gets in."""
        if not order.params:
            await together(
                *(self._cluster.delete(place, order.mark) for place in await self._remains(order))
            )
            return
        places = [_binding(order).place]
        if not _is_existing(order.params):
            places += [self._anchors, self._accounts]
        await together(*(self._cluster.delete(place, order.mark) for place in places))

    async def _remains(self, order: Order) -> list[Place]:
        """Where something of the mark is, for whoever knows the mark only."""
        selector = f"{GRANT}={order.grant_id}"
        places = (Place("rolebindings"), Place("clusterrolebindings"))
        found = await together(*(self._cluster.marked(place, selector) for place in places))
        remains = [
            Place(place.resource, each["metadata"].get("namespace"))
            for place, kind in zip(places, found, strict=True)
            for each in kind
            if each["metadata"]["name"] == order.mark
        ]
        if await self._cluster.read(self._accounts, order.mark) is not None:
            remains += [self._anchors, self._accounts]
        return remains

    async def _new_token(self, order: Order) -> Credential:
        presence, account = await self._look(order)
        if presence is not Presence.PRESENT or account is None:
            raise RefusedError("There is no access to log in with: it ended or was never given.")
        await self._cluster.delete(self._anchors, order.mark)
        anchored = await self._cluster.create(self._anchors, objects.anchor(order, account))
        if anchored is None:
            raise UnreachableError("Somebody makes credentials for this at the same moment")
        left = (order.expires_at - datetime.now(UTC)).total_seconds()
        made = await self._cluster.token_of(
            self._accounts, order.mark, objects.token_spec(anchored, left)
        )
        if made is None:
            raise RefusedError("There is no access to log in with: it was just taken away.")
        return await self._shown(order, str(made["token"]), str(made["expirationTimestamp"]))

    async def _shown(self, order: Order, token: str, until: str) -> Credential:
        entry, settings = self.settings.connect, self.settings
        file = entry.ca_file or (None if entry.server else settings.authority)
        authority = await asyncio.to_thread(file.read_bytes) if file else None
        config = objects.kubeconfig(
            entry.server or settings.server,
            authority,
            name=order.mark,
            namespace=_binding(order).namespace,
            token=token,
        )
        note = f"Save it as a file and name that in KUBECONFIG. The token ends {until}."
        return Credential((Snippet("kubeconfig", config),), note)

    def _subject(self, order: Order) -> dict[str, str]:
        if not _is_existing(order.params):
            return objects.account(self.settings.namespace, order.mark)
        return objects.user(self._person(order))

    def _person(self, order: Order) -> str:
        """What the policy says, else the e-mail behind `user_prefix`; never a guess from it."""
        names, person = order.person.names, order.person
        name = names.get(self.name) or names.get(self.kind)
        if not name and person.email:
            name = f"{self.settings.user_prefix}{person.email}"
        if not name:
            raise RefusedError(
                f"It is not known who {person.name or person.user} is in {self.name}:"
                f" the policy's people: block can say it, under {self.name} or {self.kind}."
            )
        if name.startswith("system:"):
            raise RefusedError(
                f"{objects.quoted(name)} is no person: the cluster keeps such names."
            )
        return name


def _is_existing(params: Mapping[str, Any]) -> bool:
    return params.get("login") == "existing"


def _binding(order: Order) -> Binding:
    return KubernetesParams.model_validate(dict(order.params)).binding
