"""Access by HashiCorp Vault or OpenBao: a token, dynamic credentials, a group, or a lent secret.

Rules that this adapter keeps:

- Tokens are orphans with an end of their own, made by a token role that is named by the mark: all
  of them are found and revoked by that name. Each press of *Get credentials* ends the former.
- Dynamic credentials hang on such a token. Their lease is noted in Vault before they are shown,
  and revoked by its id, waiting for the end.
- A membership is a fact: who has it keeps it. A secret is lent to one person at a time, and changed
  by a service of one's own before it counts as returned.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from adapters import _vault_tokens as tokens
from adapters._http import together
from adapters._turns import Turns
from adapters._vault_api import Vault
from adapters._vault_groups import Groups
from adapters._vault_policy import VaultParams, VaultSettings
from adapters._vault_rights import wanted_everywhere, wanted_for
from adapters._vault_secrets import Place, Secrets
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
)

GRACE = 0.5
"""Seconds for which a call whose caller has left may go on to its end."""

_MARK = re.compile(r"curfew-([0-9a-hjkmnp-tv-z]{12})")


class VaultAdapter(Adapter):
    """See the module. Needs the policy that `docs/adapters/vault.md` has."""

    kind: ClassVar[str] = "vault"
    capabilities: Caps = (
        Caps.PER_GRANT | Caps.NATIVE_EXPIRY | Caps.ISSUES_CREDENTIALS | Caps.LISTS_OWNED
    )
    settle: ClassVar[timedelta] = timedelta(seconds=10)
    forms: ClassVar[Mapping[str, Caps]] = {
        "creds": capabilities,
        "group": Caps.NONE,
        "secret": Caps.ISSUES_CREDENTIALS,
    }
    Settings: ClassVar[type[ProviderSettings]] = VaultSettings
    Params: ClassVar[type[GrantParams]] = VaultParams

    settings: VaultSettings

    def __init__(self, name: str, settings: VaultSettings, *, call_limit: float = 10.0) -> None:
        """As the base; keeps up to `connections` connections open between calls."""
        super().__init__(name, settings, call_limit=call_limit)
        if settings.approle is not None:
            self._secrets = (*self._secrets, settings.approle.secret_id.get_secret_value())
        if settings.rotation is not None:
            self._secrets = (*self._secrets, settings.rotation.token.get_secret_value())
        self._vault = Vault(settings)
        self._groups = Groups(self._vault, settings.people_from)
        self._lent = Secrets(self._vault, settings.rotation)
        self._turns = Turns(grace=GRACE)

    def caps(self, params: Mapping[str, Any]) -> Caps:
        """By the form of the block."""
        for form in ("group", "secret"):
            if params.get(form):
                return self.forms[form]
        return self.capabilities

    def makes(self, params: Mapping[str, Any]) -> str:
        """By the form of the block."""
        wanted = VaultParams.model_validate(dict(params))
        if wanted.group:
            return f"membership of the person's entity in the group {wanted.group} of {self.name}"
        if wanted.secret:
            return f"the secret {_place(wanted)} of {self.name}, lent and then changed"
        if wanted.creds:
            return f"credentials that {self.name} makes at {wanted.creds}"
        return f"a token of {self.name} with {', '.join(wanted.policies)}"

    def cleanup(self, order: Order) -> str:
        """Lines for `vault` or `bao`."""
        wanted = _params(order)
        if wanted and wanted.group:
            name, _ = self._name(order)
            look = f"vault read identity/group/name/{wanted.group}"
            return f"{look}, then write its member_entity_ids again without that of {name}."
        if wanted and wanted.secret:
            return (
                f"Change {_place(wanted)} where it is used, then: vault kv metadata patch"
                f" -mount={wanted.mount} -remove-custom-metadata=curfew"
                f" -remove-custom-metadata=curfew_shown {wanted.secret}"
            )
        return "\n".join(
            [
                f"vault read identity/entity/name/{order.mark}   # its lease, if there is one:",
                "vault lease revoke -sync <that lease>",
                f"vault delete auth/token/roles/{order.mark}",
                f"vault lease revoke -prefix -sync auth/token/create/{order.mark}",
                f"vault delete identity/entity/name/{order.mark}",
            ]
        )

    async def aclose(self) -> None:
        """Closes the kept connections when nothing runs any more."""
        await self._turns.aclose()
        await self._vault.aclose()
        await self._lent.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        return await self._vault.missing(wanted_everywhere())

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        wanted = VaultParams.model_validate(dict(params))
        missing = await self._vault.missing(wanted_for(wanted))
        complaint = None
        if not missing and wanted.group:
            complaint = await self._groups.complaint(wanted.group)
        if not missing and wanted.secret:
            complaint = await self._lent.complaint(_place(wanted))
        return [*missing, *([complaint] if complaint else [])]

    async def _counterpart(self, order: Order) -> str | None:
        wanted = _params(order)
        if wanted is None or not wanted.group:
            return None
        return (await self._entity(order))[1]

    async def _grant(self, order: Order) -> None:
        await self._turns.run(lambda: self._give(order), mark=order.mark)

    async def _revoke(self, order: Order) -> None:
        await self._turns.run(lambda: self._take(order), mark=order.mark)

    async def _verify(self, order: Order) -> Presence:
        wanted = _params(order)
        if wanted and wanted.group:
            name, is_named = self._name(order)
            there = await self._groups.has(wanted.group, name, is_named=is_named)
            return Presence.PRESENT if there else Presence.ABSENT
        if wanted and wanted.secret:
            state = await self._lent.state(_place(wanted))
            return Presence.PRESENT if state and state.holder else Presence.ABSENT
        policies = wanted.policies if wanted else ()
        creds = wanted is None or wanted.creds is not None
        return await tokens.look(self._vault, order, policies, creds=creds)

    async def _issue(self, order: Order) -> Credential:
        return await self._turns.run(lambda: self._made(order), mark=order.mark)

    async def _owned(self) -> frozenset[str]:
        lists = await together(
            self._vault.keys("auth/token/roles"), self._vault.keys("identity/entity/name")
        )
        found = (_MARK.fullmatch(name) for each in lists for name in each)
        return frozenset(match[1] for match in found if match)

    def _fact(self, order: Order) -> str:
        wanted = VaultParams.model_validate(dict(order.params))
        if wanted.secret:
            return f"{_place(wanted)}"
        return f"{wanted.group}:{self._name(order)[0].casefold()}"

    # --- what they are made of ----------------------------------------------------------------

    async def _give(self, order: Order) -> None:
        wanted = VaultParams.model_validate(dict(order.params))
        if wanted.group:
            entity, stranger = await self._entity(order)
            if stranger:
                raise RefusedError(stranger)
            await self._groups.change(order, wanted.group, entity, inside=True)
        elif wanted.secret:
            await self._lent.lend(_place(wanted), order)
        else:
            await tokens.give(self._vault, order, wanted.policies)

    async def _take(self, order: Order) -> None:
        wanted = _params(order)
        if wanted and wanted.group:
            name, is_named = self._name(order)
            entity = await self._groups.entity(name, is_named=is_named)
            if entity is not None:
                await self._groups.change(order, wanted.group, str(entity["id"]), inside=False)
        elif wanted and wanted.secret:
            await self._lent.take_back(_place(wanted), order)
        else:
            await tokens.take(self._vault, order)

    async def _made(self, order: Order) -> Credential:
        wanted = VaultParams.model_validate(dict(order.params))
        if wanted.secret:
            return _shown(await self._lent.show(_place(wanted), order), "It is changed at the end.")
        if wanted.creds:
            made = await tokens.new_credentials(self._vault, order, wanted.policies, wanted.creds)
            return _shown(made, f"Vault made them at {wanted.creds}, and ends them.")
        token = await tokens.new_token(self._vault, order, wanted.policies)
        address = Snippet("address", f"export VAULT_ADDR={self.settings.address}")
        note = "Also as BAO_ADDR and BAO_TOKEN. It cannot be renewed."
        return Credential((Snippet("token", f"export VAULT_TOKEN={token}"), address), note)

    async def _entity(self, order: Order) -> tuple[str, str | None]:
        """The id of the person's entity, and why they get nothing."""
        name, is_named = self._name(order)
        found = await self._groups.entity(name, is_named=is_named)
        if found is None:
            return "", (
                f"{self.name} knows nobody called {name}: log in to it once, or ask its owners to"
                " name your entity in the policy's people: block."
            )
        if found.get("disabled"):
            return "", f"{name} is disabled in {self.name}: ask its owners to enable the entity."
        return str(found["id"]), None

    def _name(self, order: Order) -> tuple[str, bool]:
        """What the policy says, else the e-mail; and whether the policy said it."""
        names, person = order.person.names, order.person
        named = names.get(self.name) or names.get(self.kind)
        name = named or person.email
        if not name:
            raise RefusedError(
                f"It is not known who {person.name or person.user} is in {self.name}:"
                f" the policy's people: block can say it, under {self.name} or {self.kind}."
            )
        return name, bool(named)


def _params(order: Order) -> VaultParams | None:
    """None for an orphan."""
    return VaultParams.model_validate(dict(order.params)) if order.params else None


def _place(params: VaultParams) -> Place:
    return Place(params.mount, str(params.secret))


def _shown(values: Mapping[str, Any], note: str) -> Credential:
    return Credential(tuple(Snippet(key, str(value)) for key, value in values.items()), note)
