"""Identity Center seen by moto's own list of assignments, and by sessions of its roles."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.aws.identity_center import IdentityCenterAdapter, IdentityCenterSettings
from adapters.base import Credential, Order, Person
from adapters.conformance import Door
from tests.aws.account import Account, documented
from tests.aws.names import ACCOUNT, BOT
from tests.conformance.aws_iam_ground import AwsGround

POLL = 0.03
FENCE = re.compile(r"curfew[0-9a-z]{12}")


class SessionDoor(Door):
    """A role session that a person took just now."""

    def __init__(self, account: Account, words: list[str]) -> None:
        self.account, self.words = account, words

    async def is_open(self) -> bool:
        said = await asyncio.to_thread(self.account.steer, session=self.words)
        return bool(said["open"])

    async def close(self) -> None:
        """There is nothing to hang up: each request stands for itself."""


class CentreGround(AwsGround):
    """Resource 0 is one permission set, resource 1 the other, both in the same account."""

    kind = "aws_identity_center"

    def __init__(self, account: Account, *, end_sessions: bool) -> None:
        super().__init__(account)
        self.end_sessions = end_sessions
        store = account.words["store"]
        self.extra = {"instance": self.instance, "identity_store": store, "poll_every": POLL}

    @property
    def instance(self) -> str:
        return str(self.account.words["instance"])

    def policy(self) -> dict[str, Any]:
        """The page's, with the names that this organisation happens to have."""
        text = json.dumps(documented(self.page))
        text = text.replace("ssoins-0123456789abcdef", self.instance.rpartition("/")[2])
        made: dict[str, Any] = json.loads(text)
        return made

    async def prepared(self) -> "CentreGround":
        await super().prepared()
        text = json.dumps(self.policy())
        await self.account.root(
            "iam", "put_user_policy", UserName=BOT, PolicyName="documented", PolicyDocument=text
        )
        return self

    def connect(self, call_limit: float = 10.0) -> IdentityCenterAdapter:
        settings = IdentityCenterSettings.model_validate(self.settings())
        return IdentityCenterAdapter("company-aws", settings, call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        arn = self.account.words["sets"][number]
        return {"account": ACCOUNT, "permission_set": arn, "end_sessions": self.end_sessions}

    def person(self, name: str = "dana") -> Person:
        """Dana is found by her e-mail, Eli by the name that the policy says."""
        return replace(super().person(name), names={} if name == "dana" else {"aws": name})

    async def inventory(self) -> frozenset[str]:
        """Assignments and policies, without our own fences.

        A fence denies only sessions that began before an end: it is no access, takes none from
        whoever may have it, and has to stay for as long as such a session can.
        """
        found = []
        for arn in self.account.words["sets"]:
            about = {"InstanceArn": self.instance, "PermissionSetArn": arn}
            held = await self.account.root(
                "sso-admin", "list_account_assignments", AccountId=ACCOUNT, **about
            )
            found += [json.dumps(each, sort_keys=True) for each in held["AccountAssignments"]]
            found += [
                json.dumps([arn, each], sort_keys=True)
                for each in await self.statements(arn)
                if not FENCE.fullmatch(each.get("Sid", ""))
            ]
        return frozenset(found)

    async def statements(self, arn: str) -> list[dict[str, Any]]:
        about = {"InstanceArn": self.instance, "PermissionSetArn": arn}
        said = await self.account.root("sso-admin", "get_inline_policy_for_permission_set", **about)
        text = said.get("InlinePolicy") or '{"Statement": []}'
        found: list[dict[str, Any]] = json.loads(text)["Statement"]
        return found

    def change(self, order: Order) -> dict[str, Any]:
        name = order.person.names.get("aws", "dana")
        return {
            "InstanceArn": self.instance,
            "TargetId": ACCOUNT,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": order.params["permission_set"],
            "PrincipalType": "USER",
            "PrincipalId": self.account.words["users"][name],
        }

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        del credential
        change = self.change(order)
        held = await self.account.root(
            "sso-admin",
            "list_account_assignments",
            InstanceArn=self.instance,
            AccountId=ACCOUNT,
            PermissionSetArn=change["PermissionSetArn"],
        )
        return any(
            each["PrincipalId"] == change["PrincipalId"] for each in held["AccountAssignments"]
        )

    async def open_door(self, order: Order, credential: Credential | None) -> Door:
        del credential
        change = self.change(order)
        issued = self.now().replace(microsecond=0).isoformat()
        words = [change["PrincipalId"], ACCOUNT, change["PermissionSetArn"], issued]
        return SessionDoor(self.account, words)

    async def hold(self, order: Order) -> None:
        await self._by_hand("create", order)

    async def release(self, order: Order) -> None:
        await self._by_hand("delete", order)

    async def take_away(self, order: Order) -> None:
        await self._by_hand("delete", order)

    async def _by_hand(self, word: str, order: Order) -> None:
        await self.account.root("sso-admin", f"{word}_account_assignment", **self.change(order))
        await asyncio.to_thread(self.account.steer, centre={"shown": True})

    async def clear(self) -> None:
        """The fences go, so that the next test begins as this one did."""
        for arn in self.account.words["sets"]:
            about = {"InstanceArn": self.instance, "PermissionSetArn": arn}
            await self.account.root(
                "sso-admin", "delete_inline_policy_from_permission_set", **about
            )
