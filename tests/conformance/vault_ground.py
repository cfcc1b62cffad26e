"""The stand-in for Vault, seen through its memory and by hvac."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import aiohttp
import hvac
from hvac.exceptions import Forbidden
from pydantic import SecretStr

from adapters._vault_policy import VaultSettings
from adapters.base import Credential, Order, Person
from adapters.conformance import CannotStageError, Ground, Weather
from adapters.vault import VaultAdapter
from sandbox.providers._house import Storm
from sandbox.providers._vault_forms import Policy
from sandbox.providers._vault_till import Till
from sandbox.providers.vault import VaultStandIn

PAGE = Path(__file__).parents[2] / "docs" / "adapters" / "vault.md"
DOCUMENTED = PAGE.read_text().split("```hcl\n", 1)[1].split("```", 1)[0]

STORMS = {
    Weather.DOWN: Storm.DOWN,
    Weather.SILENT: Storm.SILENT,
    Weather.CROWDED: Storm.CROWDED,
}
LENT = ("berlin", "bonn", "bremen", "kiel")


class VaultGround(Ground):
    """Resource 0 reads, 1 writes; `form` is one of the four; the bot's policy is the page's."""

    def __init__(self, form: str, *, login: str = "token") -> None:
        self.house = VaultStandIn()
        self.till = Till(self.house.secrets)
        self.form = form
        house = self.house
        house.policy("curfew", DOCUMENTED.replace("orders-oncall", "orders-*"))
        for name, verb in (("read", "read"), ("write", "update")):
            rule = f'path "secret/data/orders/*" {{ capabilities = ["{verb}"] }}'
            house.policy(f"orders-{name}", rule)
            house.identity.group(f"orders-{name}-group", [f"orders-{name}"])
        for role in ("reader", "writer"):
            rule = f'path "database/creds/{role}" {{ capabilities = ["read"] }}'
            house.policy(f"{role}-creds", rule)
        house.secrets.put("orders/config", {"colour": "blue"})
        for path in LENT:
            self.till.install(f"tills/{path}")
        for name in ("dana", "eli"):
            house.identity.person(name, f"{name}@example.com")
        self.bot_token = house.login({"curfew"})
        self.role = house.approle({"curfew"}) if login == "approle" else None

    async def __aenter__(self) -> Self:
        await self.house.start()
        await self.till.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.till.stop()
        await self.house.stop()

    def settings(self) -> VaultSettings:
        block: dict[str, object] = {
            "address": self.house.url,
            "people_from": "auth_oidc_1",
            "rotation": {"url": f"{self.till.url}/rotate", "token": self.till.token},
        }
        if self.role:
            block["approle"] = {"role_id": self.role[0], "secret_id": self.role[1]}
        else:
            block["token"] = SecretStr(self.bot_token)
        return VaultSettings.model_validate(block)

    def connect(self, call_limit: float = 10.0) -> VaultAdapter:
        return VaultAdapter("vault", self.settings(), call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        role, right = (("reader", "read"), ("writer", "write"))[number % 2]
        return {
            "token": {"policies": [f"orders-{right}"]},
            "creds": {"policies": [f"{role}-creds"], "creds": f"database/creds/{role}"},
            "group": {"group": f"orders-{right}-group"},
            "secret": {"secret": f"tills/{LENT[number]}"},
        }[self.form]

    def order(
        self,
        number: int = 0,
        *,
        who: str = "dana",
        lasts: timedelta = timedelta(hours=1),
        person: Person | None = None,
        resource: str | None = None,
    ) -> Order:
        """As the suite's; a secret is lent to one at a time, so another person has another one."""
        made = super().order(number, who=who, lasts=lasts, person=person, resource=resource)
        if self.form == "secret" and (made.person.email or "").startswith("eli@"):
            return replace(made, params=self.block(number + 2))
        return made

    async def inventory(self) -> frozenset[str]:
        house = self.house
        house.tokens.sweep()
        found = {f"token {t.lease} {sorted(t.policies)}" for t in house.tokens.tokens.values()}
        found = {line for line in found if "approle" not in line and "oidc" not in line}
        found |= {f"role {json.dumps(r, sort_keys=True)}" for r in house.tokens.roles.values()}
        found |= {f"lease {lease}" for lease in house.tokens.leases}
        found |= {f"login {name}" for name in house.database.logins}
        found |= {json.dumps(each, sort_keys=True) for each in house.identity.entities.values()}
        for group in house.identity.groups.values():
            found |= {f"{group['name']}: {member}" for member in group["member_entity_ids"]}
            rest = {key: value for key, value in group.items() if key != "member_entity_ids"}
            found.add(json.dumps(rest, sort_keys=True))
        for path, noted in house.secrets.custom.items():
            found |= {f"{path} {key}={value}" for key, value in noted.items()}
        return frozenset(found)

    def entity(self, order: Order) -> dict[str, object]:
        name = order.person.names.get("vault") or str(order.person.email).partition("@")[0]
        return self.house.identity.entities[name]

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        """Hvac with the token, the database with the login, the till with the password."""
        if self.form == "group":
            token = self.house.sign_in(str(self.entity(order)["name"]))
            return await self._uses(order, token, "read" in str(order.params["group"]))
        if credential is None:
            return False
        shown = {snippet.label: snippet.text for snippet in credential.snippets}
        if self.form == "token":
            token = shown["token"].removeprefix("export VAULT_TOKEN=")
            return await self._uses(order, token, order.params["policies"] == ["orders-read"])
        if self.form == "creds":
            self.house.tokens.sweep()
            role = str(order.params["creds"]).rpartition("/")[2]
            return self.house.database.admits(shown["username"], shown["password"], role)
        login = base64.b64encode(f"till:{shown['password']}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"}
        url = f"{self.till.url}/till/{order.params['secret']}"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(url) as response,
        ):
            return response.status == 200

    async def _uses(self, order: Order, token: str, reads: bool) -> bool:  # noqa: FBT001 - its right
        def use() -> bool:
            client = hvac.Client(self.house.url, token)
            try:
                if reads:
                    client.secrets.kv.v2.read_secret_version(
                        "orders/config", raise_on_deleted_version=True
                    )
                else:
                    client.secrets.kv.v2.create_or_update_secret("orders/new", {"by": order.mark})
            except Forbidden:
                return False
            finally:
                client.adapter.close()
            return True

        return await asyncio.to_thread(use)

    async def hold(self, order: Order) -> None:
        """The very fact, or the same by a token of somebody else's making."""
        if self.form == "group":
            group = self.house.identity.groups[str(order.params["group"])]
            group["member_entity_ids"] = [*group["member_entity_ids"], self.entity(order)["id"]]
        elif self.form == "secret":
            self.house.secrets.custom[str(order.params["secret"])] = {"curfew": "by-somebody"}
        else:
            self.held = self.house.login(set(order.params["policies"]))

    async def release(self, order: Order) -> None:
        if self.form == "group":
            await self.take_away(order)
        elif self.form == "secret":
            self.house.secrets.custom.pop(str(order.params["secret"]), None)
        else:
            self.house.tokens.revoke(self.house.tokens.tokens[self.held])

    async def take_away(self, order: Order) -> None:
        if self.form == "group":
            group = self.house.identity.groups[str(order.params["group"])]
            mine = self.entity(order)["id"]
            group["member_entity_ids"] = [m for m in group["member_entity_ids"] if m != mine]
        elif self.form == "secret":
            self.house.secrets.custom[str(order.params["secret"])] = {}
        else:
            del self.house.tokens.roles[order.mark]

    async def disguise(self) -> None:
        role = {"allowed_policies": ["orders-read"], "orphan": True, "path_suffix": "v1"}
        for name in (
            "curfew-abcdefgh012",
            "xcurfew-abcdefgh0123",
            "curfew-ABCDEFGH0123",
            "curfew-",
        ):
            self.house.tokens.put_role(name, role)
            self.house.identity.person(name)

    async def hostile(self, text: str) -> Order:
        order = await super().hostile(text)
        self.house.identity.person(text)
        return replace(order, person=replace(order.person, names={"vault": text}))

    def nobody(self) -> Person:
        if self.form != "group":
            raise CannotStageError("nobody needs an entity for this form")
        return super().nobody()

    def secrets(self) -> tuple[str, ...]:
        return (self.bot_token, self.till.token, *(self.role or ())[1:])

    async def until(self, moment: datetime) -> None:
        self.house.advance(moment)

    def now(self) -> datetime:
        return self.house.now()

    @asynccontextmanager
    async def weather(self, kind: Weather) -> AsyncIterator[None]:
        house = self.house
        if kind in STORMS:
            async with house.storm(STORMS[kind]):
                yield
            return
        if kind is Weather.FORBIDDEN:
            policy = house.policies["curfew"]
            house.policies["curfew"] = Policy('path "sys/mounts" { capabilities = ["read"] }')
            yield
            house.policies["curfew"] = policy
            return
        tokens, roles = dict(house.tokens.tokens), dict(house.approles)
        house.tokens.tokens.clear()
        house.approles.clear()
        yield
        house.tokens.tokens.update(tokens)
        house.approles.update(roles)
