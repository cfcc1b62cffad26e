"""Access by membership in an Okta group.

Rules that this adapter keeps:

- A membership is a fact: it is looked at before it is given, and who has it keeps it.
- People are found by the login that the policy says, else by their e-mail; exactly, or not at all.
- A group whose members are not Okta's to decide (imported ones, built-in ones) is refused.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from adapters._http import Address
from adapters._okta_api import OktaApi, User
from adapters._okta_login import ApiToken, OktaClient, SignedClient
from adapters._turns import Turns
from adapters.base import (
    Adapter,
    Caps,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    RefusedError,
)

GRACE = 0.5
"""Seconds for which a call whose caller has left may go on to its end."""

OURS_TO_CHANGE = "OKTA_GROUP"

SHUT_OUT = {
    "SUSPENDED": "suspended",
    "DEPROVISIONED": "deactivated",
    "STAGED": "not activated yet",
}
"""Who cannot sign in and gets nothing; a forgotten password or a lock passes by itself."""


class OktaSettings(ProviderSettings):
    """The provider's block: Okta's address, and one of two ways to show who we are."""

    url: Address
    token: SecretStr | None = Field(default=None, min_length=1)
    client: OktaClient | None = None
    connections: int = Field(default=8, ge=1, le=50)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.token is None) == (self.client is None):
            raise ValueError("either token (an API token) or client (an application) is needed")
        return self


class OktaParams(GrantParams):
    """A resource's `grant` block. Groups are named by id: names change, and need not be unique."""

    group: str = Field(pattern=r"^[0-9A-Za-z]{20}$")


class OktaAdapter(Adapter):
    """See the module. Needs the rights that `docs/adapters/okta.md` lists."""

    kind: ClassVar[str] = "okta"
    capabilities: Caps = Caps.NONE
    settle: ClassVar[timedelta] = timedelta(seconds=10)
    Settings: ClassVar[type[ProviderSettings]] = OktaSettings
    Params: ClassVar[type[GrantParams]] = OktaParams

    settings: OktaSettings

    def __init__(self, name: str, settings: OktaSettings, *, call_limit: float = 10.0) -> None:
        """As the base; keeps up to `connections` connections open between calls."""
        super().__init__(name, settings, call_limit=call_limit)
        login: ApiToken | SignedClient
        if settings.client is not None:
            login = SignedClient(settings.client)
            self._secrets = (*self._secrets, settings.client.key.get_secret_value())
        else:
            login = ApiToken(settings.token.get_secret_value() if settings.token else "")
        self._turns = Turns(grace=GRACE)
        self._okta = OktaApi(settings.url, login, size=settings.connections)

    def makes(self, params: Mapping[str, Any]) -> str:
        """A membership."""
        group = OktaParams.model_validate(dict(params)).group
        return f"membership of the person's own account in the Okta group {group}"

    def cleanup(self, order: Order) -> str:
        """Where to press what in Okta's own console."""
        group, name = self._group(order), self._login(order)
        return f"{self.settings.url}/admin/group/{group}: remove {name} from the group's people."

    async def aclose(self) -> None:
        """Closes the kept connections when nothing runs any more."""
        await self._turns.aclose()
        await self._okta.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        return [
            f"Okta does not let us read: give the bot's role the permission {permission}."
            for permission in await self._okta.may_read()
        ]

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        wanted = OktaParams.model_validate(dict(params)).group
        group = await self._okta.group(wanted)
        missing = None
        if group is None:
            missing = (
                f"Okta has no group {wanted} that we may see: take the id from the address of the"
                " group's page, and put the group into the bot's resource set."
            )
        elif group.type != OURS_TO_CHANGE:
            missing = (
                f"The members of {group.name} are not Okta's to change (it is of type"
                f" {group.type}): name a group that was made in Okta."
            )
        return [missing] if missing else []

    async def _counterpart(self, order: Order) -> str | None:
        found = await self._okta.user(self._login(order))
        return self._stranger(order, found)

    async def _grant(self, order: Order) -> None:
        await self._turns.run(lambda: self._give(order), mark=order.mark)

    async def _revoke(self, order: Order) -> None:
        group, login = self._group(order), self._login(order)
        await self._turns.run(lambda: self._okta.remove(group, login), mark=order.mark)

    async def _give(self, order: Order) -> None:
        user = await self._okta.user(self._login(order))
        stranger = self._stranger(order, user)
        if stranger or user is None:
            raise RefusedError(stranger or "")
        if not await self._okta.add(self._group(order), user):
            raise RefusedError(f"Okta has no group {self._group(order)} any more.")

    async def _verify(self, order: Order) -> Presence:
        wanted = self._group(order)
        async for group in self._okta.memberships(self._login(order)):
            if group.id == wanted:
                return Presence.PRESENT
        return Presence.ABSENT

    def _fact(self, order: Order) -> str:
        return f"{self._group(order)}:{self._login(order).casefold()}"

    # --- what they are made of ----------------------------------------------------------------

    @staticmethod
    def _group(order: Order) -> str:
        return OktaParams.model_validate(dict(order.params)).group

    def _login(self, order: Order) -> str:
        """What the policy says, else the e-mail; never a guess from it."""
        names, person = order.person.names, order.person
        name = names.get(self.name) or names.get(self.kind) or person.email
        if not name:
            raise RefusedError(
                f"It is not known which login is {person.name or person.user}'s in {self.name}:"
                f" the policy's people: block can say it, under {self.name} or {self.kind}."
            )
        return name

    def _stranger(self, order: Order, user: User | None) -> str | None:
        """Why this person gets nothing, None when they may."""
        name = self._login(order)
        if user is None:
            return (
                f"{self.name} knows nobody called {name}: ask its owners to add you, or to name"
                " your login in the policy's people: block."
            )
        if user.status in SHUT_OUT:
            return (
                f"{name} is {SHUT_OUT[user.status]} in {self.name}:"
                " ask its owners to make the account active."
            )
        return None
