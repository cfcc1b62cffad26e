"""The stand-in for Okta, seen through its memory and by the people in it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Self

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from adapters.base import Credential, Order
from adapters.conformance import Ground, Weather
from adapters.okta import OktaAdapter, OktaSettings
from sandbox.providers._house import Storm
from sandbox.providers._okta_people import User
from sandbox.providers.okta import MEMBERSHIP, PERMISSIONS, SCOPES, OktaStandIn

if TYPE_CHECKING:
    from sandbox.providers._okta_tokens import Admin

KEY = rsa.generate_private_key(65537, 2048)

STORMS = {
    Weather.DOWN: Storm.DOWN,
    Weather.SILENT: Storm.SILENT,
    Weather.CROWDED: Storm.CROWDED,
}


class OktaGround(Ground):
    """Two groups, two people who are in several others; `signed` is how the bot shows itself."""

    def __init__(self, *, signed: bool = False) -> None:
        self.house = OktaStandIn()
        people = self.house.people
        self.users = {name: people.hire(f"{name}@example.com") for name in ("dana", "eli")}
        self.groups = [people.found("orders-read"), people.found("orders-write")]
        for number in range(5):  # more than a page of them
            people.found(f"everyone-{number}").members.update(u.id for u in self.users.values())
        boss = people.hire("curfew@example.com")
        self.token = self.house.tokens.administrator(boss.id, PERMISSIONS)
        public = KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.application = self.house.tokens.application(public, PERMISSIONS, SCOPES)
        self.signed = signed

    async def __aenter__(self) -> Self:
        await self.house.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.house.stop()

    @property
    def pem(self) -> str:
        return KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def settings(self) -> OktaSettings:
        block: dict[str, object] = {"url": self.house.url}
        if self.signed:
            block["client"] = {
                "id": self.application.id,
                "key_id": self.application.key_id,
                "key": self.pem,
            }
        else:
            block["token"] = SecretStr(self.token)
        return OktaSettings.model_validate(block)

    def connect(self, call_limit: float = 10.0) -> OktaAdapter:
        return OktaAdapter("okta", self.settings(), call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        return {"group": self.groups[number].id}

    async def inventory(self) -> frozenset[str]:
        people = self.house.people
        found = {f"{user}" for user in people.users.values()}
        for group in people.groups.values():
            found.add(f"{group.id} {group.name} {group.type} {group.rule}")
            found |= {f"{group.name}: {member}" for member in group.members}
        return frozenset(found)

    def user(self, order: Order) -> User:
        name = order.person.names.get("okta") or order.person.email
        return next(u for u in self.house.people.users.values() if u.login == name)

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        """As an application does it: it asks Okta for the groups of whoever signed in."""
        assert credential is None
        token = self.house.tokens.sign_in(self.user(order).id)
        wanted = next(g.name for g in self.groups if g.id == order.params["group"])
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                f"{self.house.url}/oauth2/v1/userinfo", headers={"Authorization": f"Bearer {token}"}
            ) as response,
        ):
            return response.status == 200 and wanted in (await response.json())["groups"]

    async def hold(self, order: Order) -> None:
        self.house.people.groups[str(order.params["group"])].members.add(self.user(order).id)

    async def release(self, order: Order) -> None:
        self.house.people.groups[str(order.params["group"])].members.discard(self.user(order).id)

    async def take_away(self, order: Order) -> None:
        await self.release(order)

    async def disguise(self) -> None:
        people = self.house.people
        alike = people.hire("dana@example.com.attacker.example")
        for group in self.groups:
            people.found(group.name).members.add(alike.id)
            group.members.add(alike.id)

    async def hostile(self, text: str) -> Order:
        order = await super().hostile(text)
        self.house.people.hire(text)
        return replace(order, person=replace(order.person, names={"okta": text}))

    def secrets(self) -> tuple[str, ...]:
        return (self.token, self.pem, self.pem.splitlines()[3])

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
        tokens = self.house.tokens
        mine: Admin = self.application.admin if self.signed else tokens.admins[f"SSWS {self.token}"]
        admins, applications = dict(tokens.admins), dict(tokens.applications)
        if kind is Weather.LOCKED:
            tokens.admins.clear()
            tokens.applications.clear()
        else:
            mine.permissions.difference_update(MEMBERSHIP)
        try:
            yield
        finally:
            tokens.admins.update(admins)
            tokens.applications.update(applications)
            mine.permissions.update(MEMBERSHIP)
