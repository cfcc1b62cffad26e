"""Access by AWS IAM Identity Center: a person's permission set in one account.

Rules that this adapter keeps:

- An assignment has no mark and no end: who has it already keeps it, and one person's permission set
  in one account is one fact. What somebody has through a group is not touched.
- Identity Center works for seconds or minutes. A change is followed to its end; nothing is called
  given or taken before it is.
- Role sessions that were handed out last on after the assignment is gone, up to twelve hours. With
  `end_sessions: true` they are denied by a statement in the permission set.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field

from adapters.aws import _fences as fences
from adapters.aws._account import FAMILY, AwsSettings, fitting, name_of
from adapters.aws._assignments import PROVISION, SSO, Assignment, Changes, listed
from adapters.aws._link import Aws, Calls, Turn
from adapters.aws._rights import Asked, missing
from adapters.base import (
    Adapter,
    Caps,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    RefusedError,
)

STORE: Final = "identitystore"
REMEMBERED: Final = 60.0
"""Seconds for which a person's id is not looked up again."""

Instance = Annotated[
    str,
    AfterValidator(
        fitting(
            r"arn:aws[a-z-]*:sso:::instance/(sso)?ins-[a-zA-Z0-9.-]{16}",
            "an instance is named like arn:aws:sso:::instance/ssoins-0123456789abcdef",
        )
    ),
]
PermissionSet = Annotated[
    str,
    AfterValidator(
        fitting(
            r"arn:aws[a-z-]*:sso:::permissionSet/(sso)?ins-[a-zA-Z0-9.-]{16}/ps-[a-zA-Z0-9./-]{16}",
            "a permission set is named like"
            " arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef",
        )
    ),
]
Store = Annotated[
    str,
    AfterValidator(
        fitting(r"d-[0-9a-f]{10}|[0-9a-f-]{36}", "an identity store is named like d-0123456789")
    ),
]
AccountId = Annotated[
    str, AfterValidator(fitting(r"\d{12}", "an account has twelve digits; write them in quotes"))
]


class IdentityCenterSettings(AwsSettings):
    """The provider's block. `poll_every` is in seconds."""

    instance: Instance
    identity_store: Store
    poll_every: float = Field(default=1.0, ge=0.02, le=30)


class IdentityCenterParams(GrantParams):
    """A resource's `grant` block."""

    account: AccountId
    permission_set: PermissionSet
    end_sessions: bool = False


class IdentityCenterAdapter(Adapter):
    """See the module. Needs the rights that `docs/adapters/aws_identity_center.md` lists."""

    kind: ClassVar[str] = "aws_identity_center"
    capabilities: Caps = Caps.NONE
    settle: ClassVar[timedelta] = timedelta(minutes=3)
    sessions_last: ClassVar[timedelta | None] = timedelta(hours=12)
    forms: ClassVar[Mapping[str, Caps]] = {"end_sessions: true": Caps.ENDS_SESSIONS}
    Settings: ClassVar[type[ProviderSettings]] = IdentityCenterSettings
    Params: ClassVar[type[GrantParams]] = IdentityCenterParams

    settings: IdentityCenterSettings

    def __init__(
        self, name: str, settings: IdentityCenterSettings, *, call_limit: float = 10.0
    ) -> None:
        """As the base; keeps up to `connections` threads and connections."""
        super().__init__(name, settings, call_limit=call_limit)
        self._aws = Aws(name, settings, call_limit=call_limit)
        self._changes = Changes(settings.instance, settings.poll_every)
        self._users: dict[str, tuple[str, float]] = {}

    def caps(self, params: Mapping[str, Any]) -> Caps:
        """Sessions end where the block asks for it."""
        return Caps.ENDS_SESSIONS if params.get("end_sessions") else Caps.NONE

    def patience(self, params: Mapping[str, Any]) -> timedelta:
        """An assignment can take minutes."""
        del params
        return timedelta(minutes=5)

    def makes(self, params: Mapping[str, Any]) -> str:
        """The account, and the permission set as Identity Center numbers it."""
        block = IdentityCenterParams.model_validate(dict(params))
        name = block.permission_set.rpartition("/")[2]
        return f"the permission set {name} in the AWS account {block.account}"

    def cleanup(self, order: Order) -> str:
        """Lines for the AWS command line."""
        params = self._params(order)
        path, value = self._alternate(order)
        return (
            f"USER=$(aws identitystore get-user-id --identity-store-id"
            f" {self.settings.identity_store} --query UserId --output text"
            f" --alternate-identifier 'UniqueAttribute={{AttributePath={path},"
            f'AttributeValue="{_plain(value)}"}}\')\n'
            f"aws sso-admin delete-account-assignment --instance-arn {self.settings.instance}"
            f" --target-type AWS_ACCOUNT --target-id {params.account}"
            f" --permission-set-arn {params.permission_set}"
            ' --principal-type USER --principal-id "$USER"'
        )

    async def aclose(self) -> None:
        """Closes threads and connections."""
        await self._aws.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        return await self._aws.turn().run(self._lacking)

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        wanted = IdentityCenterParams.model_validate(dict(params))
        return await self._aws.turn().run(lambda calls: self._lacking_for(calls, wanted))

    async def _counterpart(self, order: Order) -> str | None:
        try:
            user = await self._user(self._aws.turn(), order)
        except RefusedError as error:
            if error.__cause__ is not None:
                raise
            return str(error)
        return None if user else self._stranger(order)

    async def _grant(self, order: Order) -> None:
        turn = self._aws.turn(order.mark)
        user = await self._user(turn, order)
        if user is None:
            raise RefusedError(self._stranger(order))
        await self._changes.give(turn, self._assignment(order, user))

    async def _revoke(self, order: Order) -> None:
        turn = self._aws.turn(order.mark)
        user = await self._user(turn, order, unknown_is_none=True)
        if user is None:  # nobody there can have been given anything
            return
        wanted = self._assignment(order, user)
        await self._changes.take(turn, wanted)
        if order.params.get("end_sessions"):
            await self._end_sessions(turn, wanted, order.mark)

    async def _verify(self, order: Order) -> Presence:
        turn = self._aws.turn(order.mark)
        user = await self._user(turn, order, unknown_is_none=True)
        if user is None or not await listed(turn, self._assignment(order, user)):
            return Presence.ABSENT
        return Presence.PRESENT

    def _fact(self, order: Order) -> str:
        params = self._params(order)
        who = name_of(order, self.name, self.kind).casefold()
        return f"{params.account}:{params.permission_set}:{who}"

    # --- what they are made of ----------------------------------------------------------------

    @staticmethod
    def _params(order: Order) -> IdentityCenterParams:
        return IdentityCenterParams.model_validate(dict(order.params))

    def _assignment(self, order: Order, user: str) -> Assignment:
        params = self._params(order)
        return Assignment(self.settings.instance, params.account, params.permission_set, user)

    def _alternate(self, order: Order) -> tuple[str, str]:
        """What the person is found by: the user name that the policy says, else the e-mail."""
        names = order.person.names
        by_name = names.get(self.name) or names.get(self.kind) or names.get(FAMILY)
        return ("userName", by_name) if by_name else ("emails.value", order.person.email or "")

    def _stranger(self, order: Order) -> str:
        path, value = self._alternate(order)
        noun = "of that name" if path == "userName" else "with that e-mail"
        return (
            f"Identity Center has no user {noun} ({value}): ask its owners to add one, or let the"
            " policy's people: block say the right name."
        )

    async def _user(self, turn: Turn, order: Order, *, unknown_is_none: bool = False) -> str | None:
        """The person's id; None where Identity Center does not know them."""
        try:
            name_of(order, self.name, self.kind)
        except RefusedError:
            if unknown_is_none:
                return None
            raise
        path, value = self._alternate(order)
        kept, until = self._users.get(value, ("", 0.0))
        if time.monotonic() < until:
            return kept
        answer = await turn.run(
            lambda calls: calls.found(
                STORE,
                "get_user_id",
                IdentityStoreId=self.settings.identity_store,
                AlternateIdentifier={
                    "UniqueAttribute": {"AttributePath": path, "AttributeValue": value}
                },
            )
        )
        if answer is None:
            return None
        user = str(answer["UserId"])
        self._users[value] = (user, time.monotonic() + REMEMBERED)
        return user

    async def _end_sessions(self, turn: Turn, wanted: Assignment, mark: str) -> None:
        """Written, provisioned and still there: only then are the sessions of before over."""
        shared = replace(turn, mark=wanted.permission_set)
        about = {
            "InstanceArn": wanted.instance,
            "PermissionSetArn": wanted.permission_set,
            "TargetType": "AWS_ACCOUNT",
            "TargetId": wanted.account,
        }

        async def still_there() -> bool:
            return await shared.run(lambda calls: fences.stands(calls, wanted, mark))

        await shared.run(lambda calls: fences.fence(calls, wanted, mark))
        # where nobody has the permission set any more its role is gone, and sessions with it
        await self._changes.follow(turn, PROVISION, about, still_there)

    def _lacking(self, calls: Calls) -> list[str]:
        nobody = {"AttributePath": "userName", "AttributeValue": f"curfew-{uuid.uuid4()}"}
        about = {
            "IdentityStoreId": self.settings.identity_store,
            "AlternateIdentifier": {"UniqueAttribute": nobody},
        }
        return missing(calls, [Asked(STORE, "get_user_id", about)])

    def _lacking_for(self, calls: Calls, wanted: IdentityCenterParams) -> list[str]:
        """Everything is asked for somebody who does not exist."""
        place = {"InstanceArn": self.settings.instance}
        named = {**place, "PermissionSetArn": wanted.permission_set}
        nobody = str(uuid.uuid4())
        change = Assignment(
            self.settings.instance, wanted.account, wanted.permission_set, nobody
        ).change
        listing = {**place, "PrincipalId": nobody, "PrincipalType": "USER"}
        asked = [
            Asked(SSO, "list_account_assignments_for_principal", listing),
            Asked(SSO, "create_account_assignment", change),
            Asked(SSO, "delete_account_assignment", change),
        ]
        for way in ("Creation", "Deletion"):
            request = {**place, f"AccountAssignment{way}RequestId": nobody}
            word = f"describe_account_assignment_{way.lower()}_status"
            asked.append(Asked(SSO, word, request))
        if wanted.end_sessions:
            asked.append(Asked(SSO, "get_inline_policy_for_permission_set", named))
            request = {**place, PROVISION.request: nobody}
            asked.append(Asked(SSO, PROVISION.describe, request))
        found = missing(calls, [Asked(SSO, "describe_permission_set", named)])
        if not found and calls.found(SSO, "describe_permission_set", **named) is None:
            return [f"Identity Center has no permission set {wanted.permission_set}: name another."]
        return found + missing(calls, asked)


def _plain(text: str) -> str:
    """What cannot end the quotes of a shell line."""
    return "".join(sign for sign in text if sign.isalnum() or sign in "@._+-=,")
