"""IAM seen by people with keys of their own, whose policies the stand-in weighs."""

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from adapters.aws.iam import AwsSettings, IamAdapter
from adapters.base import Credential, Order, Person
from adapters.conformance import Door, Ground, Weather
from tests.aws.account import Account, documented
from tests.aws.names import BOT, GROUPS, REGION, SECRETS, secret_arn

LOOK_ALIKES = ("curfew-abcdefgh012", "xcurfew-abcdefgh0123", "curfew-ABCDEFGH0123", "curfew-")


class AwsGround(Ground):
    """What all AWS grounds share."""

    kind: str
    extra: Mapping[str, Any] = {}
    """What this provider's block says beyond what all AWS blocks say."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    def page(self) -> str:
        return f"{self.kind}.md"

    async def prepared(self) -> "AwsGround":
        """The bot may do what its page says, and no more."""
        text = json.dumps(documented(self.page))
        await self.account.root(
            "iam", "put_user_policy", UserName=BOT, PolicyName="documented", PolicyDocument=text
        )
        await self.account.well()
        return self

    def settings(self) -> dict[str, Any]:
        key, secret = self.account.key_of(BOT)
        return {
            "region": REGION,
            "access_key_id": key,
            "secret_access_key": SecretStr(secret),
            "endpoint_url": self.account.door,
            **self.extra,
        }

    async def clear(self) -> None:
        """What tests made beside the adapter goes."""

    def secrets(self) -> tuple[str, ...]:
        return (self.account.key_of(BOT)[1],)

    def person(self, name: str = "dana") -> Person:
        return replace(super().person(name), names={"aws": name})

    async def hostile(self, text: str) -> Order:
        order = await super().hostile(text)
        return replace(order, person=replace(order.person, names={"aws": "dana"}))

    def weather(self, kind: Weather) -> AbstractAsyncContextManager[None]:
        return self.account.weather(kind)

    def now(self) -> datetime:
        return self.account.now()

    async def until(self, moment: datetime) -> None:
        await self.account.until(moment)

    async def opens(self, key: tuple[str, ...], name: str) -> bool:
        """May this key read that secret, now?"""
        said = await self.account.ask(key, "secretsmanager", "get_secret_value", SecretId=name)
        return said is not None


class KeyDoor(Door):
    """Whoever has this key goes on using it."""

    def __init__(self, ground: AwsGround, key: tuple[str, ...], name: str) -> None:
        self.ground, self.key, self.name = ground, key, name

    async def is_open(self) -> bool:
        return await self.ground.opens(self.key, self.name)

    async def close(self) -> None:
        """There is nothing to hang up: each request stands for itself."""


class IamGround(AwsGround):
    """Resource 0 reads one secret, resource 1 the other; `form` is that of the grant block."""

    kind = "aws_iam"

    def __init__(self, account: Account, form: str) -> None:
        super().__init__(account)
        self.form = form

    def connect(self, call_limit: float = 10.0) -> IamAdapter:
        settings = AwsSettings.model_validate(self.settings())
        return IamAdapter("prod-aws", settings, call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        if self.form == "group":
            return {"group": list(GROUPS)[number]}
        arn = secret_arn(list(SECRETS)[number])
        allow = [{"actions": ["secretsmanager:GetSecretValue"], "resources": [arn]}]
        return {"allow": allow, **({"role": "oncall"} if self.form == "role" else {})}

    def nobody(self) -> Person:
        """A role has no people: there somebody is unknown only who has no name at all."""
        if self.form == "role":
            return replace(super().nobody(), email=None)
        return replace(super().nobody(), names={"aws": "nobody"})

    async def inventory(self) -> frozenset[str]:
        return await self.account.lines()

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        del credential
        return await self.opens(await self.key(order), self.secret(order))

    async def open_door(self, order: Order, credential: Credential | None) -> Door:
        del credential
        return KeyDoor(self, await self.key(order), self.secret(order))

    def secret(self, order: Order) -> str:
        return list(SECRETS)[0 if order.params == self.block(0) else 1]

    async def key(self, order: Order) -> tuple[str, ...]:
        """The person's own; for a role a session that they take themselves."""
        name = order.person.names["aws"]
        key = self.account.key_of(name)
        if self.form != "role":
            return key
        arn = "arn:aws:iam::123456789012:role/oncall"
        said = await self.account.ask(key, "sts", "assume_role", RoleArn=arn, RoleSessionName=name)
        assert said is not None
        made = said["Credentials"]
        return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]

    async def hold(self, order: Order) -> None:
        name = order.person.names["aws"]
        if self.form == "group":
            group = order.params["group"]
            await self.account.root("iam", "add_user_to_group", GroupName=group, UserName=name)
        else:
            await self.put(name, "by-hand")

    async def put(self, name: str, policy: str) -> None:
        text = {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}
        await self.account.root(
            "iam",
            "put_user_policy",
            UserName=name,
            PolicyName=policy,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [text]}),
        )

    async def release(self, order: Order) -> None:
        name = order.person.names["aws"]
        if self.form == "group":
            await self.take_away(order)
        else:
            await self.account.root(
                "iam", "delete_user_policy", UserName=name, PolicyName="by-hand"
            )

    async def take_away(self, order: Order) -> None:
        user = {"UserName": order.person.names["aws"]}
        if self.form == "group":
            group = order.params["group"]
            await self.account.root("iam", "remove_user_from_group", GroupName=group, **user)
            return
        holder = {"RoleName": "oncall"} if self.form == "role" else user
        verb = "delete_role_policy" if self.form == "role" else "delete_user_policy"
        await self.account.root("iam", verb, PolicyName=order.mark, **holder)

    async def disguise(self) -> None:
        for name in LOOK_ALIKES:
            await self.put("eli", name)

    async def clear(self) -> None:
        held = await self.account.root("iam", "list_user_policies", UserName="eli")
        for name in set(held["PolicyNames"]) & set(LOOK_ALIKES):
            await self.account.root("iam", "delete_user_policy", UserName="eli", PolicyName=name)
