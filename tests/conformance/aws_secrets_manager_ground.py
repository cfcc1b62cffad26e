"""Secrets as whoever uses them sees them: the current password opens, every other one does not."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.aws.secrets_manager import SecretsManagerAdapter, SecretsManagerSettings
from adapters.base import Credential, Order
from tests.aws.account import Account
from tests.aws.names import SECRETS
from tests.conformance.aws_iam_ground import LOOK_ALIKES, AwsGround, IamGround

POLL = 0.03
STEADY = ("Name", "Description", "RotationEnabled", "DeletedDate")


class SecretsGround(AwsGround):
    """Resource 0 is one secret, resource 1 the other."""

    kind = "aws_secrets_manager"
    extra: Mapping[str, Any] = {"poll_every": POLL}

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.people = IamGround(account, "user")

    def connect(self, call_limit: float = 10.0) -> SecretsManagerAdapter:
        settings = SecretsManagerSettings.model_validate(self.settings())
        return SecretsManagerAdapter("prod-secrets", settings, call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        return {"secret": list(SECRETS)[number]}

    async def inventory(self) -> frozenset[str]:
        """Secrets with their tags, and everybody's rights; not the values, which are to change."""
        found = set(await self.account.lines())
        for name in SECRETS:
            said = await self.described(name)
            kept = {key: said.get(key) for key in STEADY}
            found |= {json.dumps([name, each]) for each in said.get("Tags", [])}
            found.add(json.dumps(kept, default=str, sort_keys=True))
        return frozenset(found)

    async def described(self, name: str) -> dict[str, Any]:
        return await self.account.root("secretsmanager", "describe_secret", SecretId=name)

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        """By the password of the database behind it, which is the secret's current one."""
        if credential is None:
            return False
        about = {"SecretId": order.params["secret"], "VersionStage": "AWSCURRENT"}
        said = await self.account.root("secretsmanager", "get_secret_value", **about)
        return bool(json.loads(credential.snippets[0].text) == json.loads(said["SecretString"]))

    async def hold(self, order: Order) -> None:
        """Somebody who may read the secret by rights of their own."""
        await self.people.hold(order)

    async def release(self, order: Order) -> None:
        await self.people.release(order)

    async def take_away(self, order: Order) -> None:
        await self._untag(str(order.params["secret"]), order.mark)

    async def disguise(self) -> None:
        tags = [{"Key": name, "Value": "x"} for name in LOOK_ALIKES]
        await self.account.root("secretsmanager", "tag_resource", SecretId="orders", Tags=tags)

    async def clear(self) -> None:
        await self._untag("orders", *LOOK_ALIKES)

    async def _untag(self, name: str, *keys: str) -> None:
        await self.account.root(
            "secretsmanager", "untag_resource", SecretId=name, TagKeys=list(keys)
        )

    async def hostile(self, text: str) -> Order:
        order = await super().hostile(text)
        return replace(order, person=replace(order.person, names={}))
