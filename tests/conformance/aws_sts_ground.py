"""Sessions of a role, seen by themselves: their own keys judge what they may do."""

import re
import shlex
from collections.abc import Mapping

from adapters.aws.sts import StsAdapter, StsSettings
from adapters.base import Credential, Order
from adapters.conformance import Door
from tests.aws.account import Account
from tests.aws.names import SECRETS, secret_arn
from tests.conformance.aws_iam_ground import LOOK_ALIKES, AwsGround, IamGround, KeyDoor

ROLE = "arn:aws:iam::123456789012:role/temporary"
ALLOWED = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


class StsGround(AwsGround):
    """Resource 0 reads one secret, resource 1 the other, both by the same role."""

    kind = "aws_sts"

    def __init__(self, account: Account, form: str) -> None:
        super().__init__(account)
        self.form = form
        self.extra = {"signin_url": f"{account.door}/federation"}
        self.people = IamGround(account, "user")

    def connect(self, call_limit: float = 10.0) -> StsAdapter:
        settings = StsSettings.model_validate(self.settings())
        return StsAdapter("prod-sts", settings, call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        if self.form == "policies":
            return {"role": ROLE, "policies": [self.account.words["policies"][number]]}
        arn = secret_arn(list(SECRETS)[number])
        allow = [{"actions": ["secretsmanager:GetSecretValue"], "resources": [arn]}]
        return {"role": ROLE, "allow": allow}

    async def inventory(self) -> frozenset[str]:
        return await self.account.lines()

    def secret(self, order: Order) -> str:
        return list(SECRETS)[0 if order.params == self.block(0) else 1]

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        if credential is None:
            return False
        return await self.opens(keys_of(credential), self.secret(order))

    async def open_door(self, order: Order, credential: Credential | None) -> Door:
        assert credential is not None, order.mark
        return KeyDoor(self, keys_of(credential), self.secret(order))

    async def hold(self, order: Order) -> None:
        await self.people.hold(order)

    async def release(self, order: Order) -> None:
        await self.people.release(order)

    async def take_away(self, order: Order) -> None:
        await self.account.root(
            "iam", "delete_role_policy", RoleName="temporary", PolicyName=order.mark
        )

    async def disguise(self) -> None:
        for name in LOOK_ALIKES:
            await self.account.root(
                "iam",
                "put_role_policy",
                RoleName="oncall",
                PolicyName=name,
                PolicyDocument=ALLOWED,
            )

    async def clear(self) -> None:
        held = await self.account.root("iam", "list_role_policies", RoleName="oncall")
        for name in set(held["PolicyNames"]) & set(LOOK_ALIKES):
            await self.account.root("iam", "delete_role_policy", RoleName="oncall", PolicyName=name)


def keys_of(credential: Credential) -> tuple[str, ...]:
    """What a shell makes of the lines that people paste."""
    [text] = [each.text for each in credential.snippets if each.label == "Environment"]
    words = dict(word.split("=", 1) for word in shlex.split(text) if word != "export")
    assert re.fullmatch(r"[A-Z0-9]{20}", words["AWS_ACCESS_KEY_ID"])
    return tuple(
        words[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
    )
