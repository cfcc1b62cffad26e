"""Access in AWS IAM: an inline policy that bears the mark and an end, or a membership of a group.

Rules that this adapter keeps:

- The policy of a grant is one document of its own, named after the mark: written, moved and taken
  away in one request. IAM is told the end and refuses from then on.
- On a role that several people use, the policy holds for the sessions of one person only.
- Every request is judged by the policies of the moment, so sessions that are open end too.
- A membership has no mark: who has it already keeps it.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from adapters.aws import _inline as inline
from adapters.aws._account import AwsSettings, Name, name_of
from adapters.aws._documents import (
    Allowed,
    Condition,
    Document,
    allowing,
    end_of,
    listed,
    marked_id,
    moment,
)
from adapters.aws._errors import ABSENT, code_of
from adapters.aws._inline import Holder
from adapters.aws._link import Answer, Aws, Calls, aws_time
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

MEMBERSHIP: Final = Caps.ENDS_SESSIONS


class IamParams(GrantParams):
    """A resource's `grant` block: what is allowed, or a group."""

    allow: Annotated[tuple[Allowed, ...], Field(max_length=20)] = ()
    role: Name | None = None
    group: Name | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if bool(self.allow) == (self.group is not None):
            raise ValueError("either allow (a list of actions and resources) or group is needed")
        if self.role is not None and self.group is not None:
            raise ValueError("role belongs to allow: only users are members of a group")
        return self


class IamAdapter(Adapter):
    """See the module. Needs the rights that `docs/adapters/aws_iam.md` lists."""

    kind: ClassVar[str] = "aws_iam"
    capabilities: Caps = Caps.PER_GRANT | Caps.NATIVE_EXPIRY | Caps.ENDS_SESSIONS | Caps.LISTS_OWNED
    settle: ClassVar[timedelta] = timedelta(seconds=30)
    forms: ClassVar[Mapping[str, Caps]] = {"group: …": MEMBERSHIP}
    Settings: ClassVar[type[ProviderSettings]] = AwsSettings
    Params: ClassVar[type[GrantParams]] = IamParams

    settings: AwsSettings

    def __init__(self, name: str, settings: AwsSettings, *, call_limit: float = 10.0) -> None:
        """As the base; keeps up to `connections` threads and connections."""
        super().__init__(name, settings, call_limit=call_limit)
        self._aws = Aws(name, settings, call_limit=call_limit)

    def caps(self, params: Mapping[str, Any]) -> Caps:
        """A membership has neither mark nor end, and is not listed."""
        return MEMBERSHIP if params.get("group") else self.capabilities

    def makes(self, params: Mapping[str, Any]) -> str:
        """By its form, with the actions of the block."""
        block = IamParams.model_validate(dict(params))
        if block.group:
            return f"membership in the IAM group {block.group}"
        holder = (
            f"the IAM role {block.role}, for their sessions" if block.role else "their IAM user"
        )
        return f"a policy of {holder} that allows {listed(block.allow)}"

    def cleanup(self, order: Order) -> str:
        """Lines for the AWS command line."""
        holder = self._where(order)
        group = order.params.get("group")
        if group:
            who = holder.name if holder else "WHO"
            return f"aws iam remove-user-from-group --group-name {group} --user-name {who}"
        if holder is None:
            return (
                "# whoever holds it: aws iam get-account-authorization-details --filter User Role\n"
                f"aws iam delete-user-policy --user-name WHO --policy-name {order.mark}"
            )
        return (
            f"aws iam delete-{holder.kind}-policy --{holder.kind}-name {holder.name}"
            f" --policy-name {order.mark}"
        )

    async def aclose(self) -> None:
        """Closes threads and connections."""
        await self._aws.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        asked = Asked(
            "iam", "get_account_authorization_details", {"Filter": ["User"], "MaxItems": 1}
        )
        return await self._aws.turn().run(partial(missing, asked=[asked]))

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        wanted = IamParams.model_validate(dict(params))
        return await self._aws.turn().run(lambda calls: _lacking(calls, wanted))

    async def _counterpart(self, order: Order) -> str | None:
        try:
            holder = self._holder(order)
        except RefusedError as error:
            return str(error)
        if holder.kind == "role":  # sessions of that name are enough: there is no user to look for
            return None
        found = await self._aws.turn().run(lambda c: c.found("iam", "get_user", **holder.key))
        return None if found else _stranger(self.name, holder.name)

    async def _grant(self, order: Order) -> None:
        turn, holder, params = self._aws.turn(order.mark), self._holder(order), self._params(order)
        try:
            if params.group:
                await turn.ask("iam", "add_user_to_group", GroupName=params.group, **holder.key)
            else:
                text = self._policy(order, moment(order.expires_at))
                await turn.run(lambda calls: inline.put(calls, holder, order.mark, text))
        except RefusedError as error:
            if code_of(error) in ABSENT and holder.kind == "user" and not params.group:
                raise RefusedError(_stranger(self.name, holder.name)) from error
            raise

    async def _revoke(self, order: Order) -> None:
        turn, holder = self._aws.turn(order.mark), self._where(order)
        group = order.params.get("group")
        if group and holder:
            about = {"GroupName": group, **holder.key}
            await turn.run(lambda calls: calls.found("iam", "remove_user_from_group", **about))
        elif not group:
            await turn.run(lambda calls: _taken(calls, holder, order.mark))

    async def _verify(self, order: Order) -> Presence:
        turn, holder = self._aws.turn(order.mark), self._where(order)
        group = order.params.get("group")
        if group:
            if holder is None or not await turn.run(lambda c: _is_member(c, holder, group)):
                return Presence.ABSENT
            return Presence.PRESENT
        if holder is None:
            return await turn.run(lambda calls: inline.remains(calls, order.mark))
        found = await turn.run(lambda calls: inline.get(calls, holder, order.mark))
        return Presence.ABSENT if found is None else self._judged(order, *found)

    async def _owned(self) -> frozenset[str]:
        found = await self._aws.turn().run(inline.everywhere)
        return frozenset(grant for _, mark in found if (grant := marked_id(mark)))

    def _fact(self, order: Order) -> str:
        return f"{self._params(order).group}:{_who(self, order)}"

    # --- what they are made of ----------------------------------------------------------------

    @staticmethod
    def _params(order: Order) -> IamParams:
        return IamParams.model_validate(dict(order.params))

    def _holder(self, order: Order) -> Holder:
        role, who = self._params(order).role, _who(self, order)
        return Holder("role", role) if role else Holder("user", who)

    def _where(self, order: Order) -> Holder | None:
        """The holder; None for an orphan, and for somebody who can have been given nothing."""
        try:
            return self._holder(order) if order.params else None
        except RefusedError:
            return None

    def _policy(self, order: Order, until: str) -> Document:
        params = self._params(order)
        whom = _sessions_of(_who(self, order)) if params.role else None
        return allowing(params.allow, order.mark, until, whom)

    def _judged(self, order: Order, found: Document, answer: Answer) -> Presence:
        """Present is what was ordered, whatever its end, as long as that has not come."""
        end = end_of(found)
        if end is None or found != self._policy(order, end):
            return Presence.PARTIAL
        return Presence.PRESENT if moment(aws_time(answer)) < end else Presence.PARTIAL


def _sessions_of(name: str) -> Condition:
    """Sessions of a role are called `role id:session name`; neither part can hold a colon."""
    return {"StringLike": {"aws:userid": f"*:{name}"}}


def _who(adapter: Adapter, order: Order) -> str:
    """The person's name in IAM. No sign of a pattern fits into one. Raises `RefusedError`."""
    name = name_of(order, adapter.name, adapter.kind)
    try:
        return IamParams.model_validate({"group": name}).group or ""
    except ValueError:
        raise RefusedError(
            f"{name!r} cannot be a name in IAM: it has 1 to 64 letters, digits or signs of +=,.@-."
        ) from None


def _stranger(provider: str, name: str) -> str:
    return (
        f"{provider} has no IAM user {name}: ask its owners to make one, or let the policy's"
        " people: block say the right name."
    )


def _taken(calls: Calls, holder: Holder | None, mark: str) -> None:
    """Away from its holder; from anybody where that is not known, or called otherwise by now."""
    if holder is not None and (
        inline.delete(calls, holder, mark)
        or calls.found("iam", f"get_{holder.kind}", **holder.key) is not None
    ):
        return
    inline.delete_everywhere(calls, mark)


def _is_member(calls: Calls, holder: Holder, group: str) -> bool:
    try:
        for page in calls.pages("iam", "list_groups_for_user", ("Marker", "Marker"), **holder.key):
            if any(each["GroupName"] == group for each in page["Groups"]):
                return True
    except RefusedError as error:
        if code_of(error) not in ABSENT:
            raise
    return False


def _lacking(calls: Calls, wanted: IamParams) -> list[str]:
    """Asks for what cannot be: a change of somebody who does not exist, or an empty policy."""
    nobody = f"curfew-doctor-{secrets.token_hex(6)}"
    user = {"UserName": nobody}
    if wanted.group:
        named = Asked("iam", "get_group", {"GroupName": wanted.group, "MaxItems": 1})
        about = {"GroupName": wanted.group, **user}
        asked = [
            Asked("iam", "list_groups_for_user", user),
            Asked("iam", "add_user_to_group", about),
            Asked("iam", "remove_user_from_group", about),
        ]
    else:
        holder = Holder("role", wanted.role) if wanted.role else Holder("user", nobody)
        named = Asked("iam", f"get_{holder.kind}", holder.key)
        about = {"PolicyName": nobody, **holder.key}
        asked = [
            Asked("iam", f"put_{holder.kind}_policy", {**about, "PolicyDocument": "{}"}),
            Asked("iam", f"get_{holder.kind}_policy", about),
            Asked("iam", f"delete_{holder.kind}_policy", about),
        ]
    found = missing(calls, [named])
    shared = wanted.group or wanted.role
    if shared and not found and calls.found(named.service, named.operation, **named.params) is None:
        noun = "group" if wanted.group else "role"
        return [f"IAM has no {noun} {shared}: create it, or name another."]
    return found + missing(calls, asked)
