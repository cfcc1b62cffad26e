"""Access by sessions of an AWS role, made when credentials are asked for.

Rules that this adapter keeps (`docs/adr/role-sessions.md` says why):

- The role has no rights of its own. A grant puts a policy on it that bears the mark, and allows
  something to one session only: that of this grant, made last, until its end.
- So what ends the grant ends its sessions: without the policy their credentials open nothing. There
  is nothing to deny, nothing left behind, and nothing to clean up later.
- Each press makes a session of a new name and lets the policy hold for that one.
"""

import json
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import AfterValidator, Field, model_validator

from adapters.aws import _inline as inline
from adapters.aws import _sessions as sessions
from adapters.aws._account import AwsSettings, RoleArn, Url, fitting
from adapters.aws._documents import (
    Allowed,
    Document,
    allowing,
    document,
    end_of,
    listed,
    marked_id,
    moment,
)
from adapters.aws._inline import Holder
from adapters.aws._link import Answer, Aws, Calls, aws_time
from adapters.aws._rights import Asked, missing
from adapters.base import (
    Adapter,
    Caps,
    Credential,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    RefusedError,
)

EVERYTHING: Final = (Allowed(actions=("*",), resources=("*",)),)
NOTHING: Final = document([{"Effect": "Deny", "Action": "*", "Resource": "*"}])

PolicyArn = Annotated[
    str,
    AfterValidator(
        fitting(
            r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\w+=,.@/-]+",
            "a managed policy is named like arn:aws:iam::aws:policy/ReadOnlyAccess",
        )
    ),
]


class StsSettings(AwsSettings):
    """The provider's block. The two addresses are those of AWS's own sign-in and console."""

    signin_url: Url = "https://signin.aws.amazon.com/federation"
    console_url: Url = "https://console.aws.amazon.com/"


class StsParams(GrantParams):
    """A resource's `grant` block: the role, and what its sessions may do."""

    role: RoleArn
    allow: Annotated[tuple[Allowed, ...], Field(max_length=20)] = ()
    policies: Annotated[tuple[PolicyArn, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if bool(self.allow) == bool(self.policies):
            raise ValueError("either allow (actions and resources) or policies (ARNs) is needed")
        return self

    @property
    def holder(self) -> Holder:
        return Holder("role", self.role.rpartition("/")[2])


class StsAdapter(Adapter):
    """See the module. Needs the rights that `docs/adapters/aws_sts.md` lists."""

    kind: ClassVar[str] = "aws_sts"
    capabilities: Caps = (
        Caps.PER_GRANT
        | Caps.NATIVE_EXPIRY
        | Caps.ENDS_SESSIONS
        | Caps.ISSUES_CREDENTIALS
        | Caps.LISTS_OWNED
    )
    settle: ClassVar[timedelta] = timedelta(seconds=30)
    Settings: ClassVar[type[ProviderSettings]] = StsSettings
    Params: ClassVar[type[GrantParams]] = StsParams

    settings: StsSettings

    def __init__(self, name: str, settings: StsSettings, *, call_limit: float = 10.0) -> None:
        """As the base; keeps up to `connections` threads and connections."""
        super().__init__(name, settings, call_limit=call_limit)
        self._aws = Aws(name, settings, call_limit=call_limit)

    def makes(self, params: Mapping[str, Any]) -> str:
        """The role, and what is allowed."""
        block = StsParams.model_validate(dict(params))
        names = ", ".join(each.rpartition("/")[2] for each in block.policies)
        return f"sessions of the role {block.holder.name} that may {names or listed(block.allow)}"

    def cleanup(self, order: Order) -> str:
        """Lines for the AWS command line."""
        if not order.params:
            return (
                "# whichever role has it: aws iam get-account-authorization-details --filter Role\n"
                f"aws iam delete-role-policy --role-name ROLE --policy-name {order.mark}"
            )
        role = self._params(order).holder.name
        return f"aws iam delete-role-policy --role-name {role} --policy-name {order.mark}"

    async def aclose(self) -> None:
        """Closes threads and connections."""
        await self._aws.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        about = {"Filter": ["User"], "MaxItems": 1}
        asked = Asked("iam", "get_account_authorization_details", about)
        return await self._aws.turn().run(partial(missing, asked=[asked]))

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        wanted = StsParams.model_validate(dict(params))
        return await self._aws.turn().run(lambda calls: _lacking(calls, wanted))

    async def _grant(self, order: Order) -> None:
        await self._aws.turn(order.mark).run(lambda calls: self._put(calls, order))

    async def _revoke(self, order: Order) -> None:
        turn = self._aws.turn(order.mark)
        if order.params:
            holder = self._params(order).holder
            await turn.run(lambda calls: inline.delete(calls, holder, order.mark))
        else:
            await turn.run(lambda calls: inline.delete_everywhere(calls, order.mark))

    async def _verify(self, order: Order) -> Presence:
        turn = self._aws.turn(order.mark)
        if not order.params:
            return await turn.run(lambda calls: inline.remains(calls, order.mark))
        holder = self._params(order).holder
        found = await turn.run(lambda calls: inline.get(calls, holder, order.mark))
        return Presence.ABSENT if found is None else self._judged(order, *found)

    async def _issue(self, order: Order) -> Credential:
        turn = self._aws.turn(order.mark)
        keys = await turn.run(lambda calls: self._assumed(calls, order))
        link = await sessions.console_link(
            keys,
            signin=self.settings.signin_url,
            console=self.settings.console_url,
            within=turn.deadline - time.monotonic(),
        )
        return sessions.credential(keys, self.settings.region, link)

    async def _owned(self) -> frozenset[str]:
        found = await self._aws.turn().run(inline.everywhere)
        return frozenset(grant for _, mark in found if (grant := marked_id(mark)))

    # --- what they are made of ----------------------------------------------------------------

    @staticmethod
    def _params(order: Order) -> StsParams:
        return StsParams.model_validate(dict(order.params))

    def _put(self, calls: Calls, order: Order) -> None:
        """Whoever has a session keeps it: only the end is moved."""
        holder = self._params(order).holder
        found = inline.get(calls, holder, order.mark)
        session = _session_of(found[0], order.mark) if found else None
        text = self._policy(order, moment(order.expires_at), session or order.mark)
        inline.put(calls, holder, order.mark, text)

    def _assumed(self, calls: Calls, order: Order) -> sessions.Keys:
        """The former session loses everything before the new one is made."""
        params = self._params(order)
        found = inline.get(calls, params.holder, order.mark)
        end = end_of(found[0]) if found else None
        if found is None or end is None or self._judged(order, *found) is not Presence.PRESENT:
            raise RefusedError("There is no access to use: it ended or was never given.")
        session = f"{order.mark}.{secrets.token_hex(4)}"
        inline.put(calls, params.holder, order.mark, self._policy(order, end, session))
        until = datetime.strptime(end, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        policies = [{"arn": each} for each in params.policies]
        answer = calls(
            "sts",
            "assume_role",
            RoleArn=params.role,
            RoleSessionName=session,
            SourceIdentity=order.mark,
            Policy=json.dumps(sessions.limits(end, params.policies), separators=(",", ":")),
            DurationSeconds=sessions.lasting(until, aws_time(found[1])),
            **({"PolicyArns": policies} if policies else {}),
        )
        return sessions.read(answer)

    def _policy(self, order: Order, until: str, session: str) -> Document:
        """What the role allows to that one session; managed policies limit the session itself."""
        whom = {
            "StringEquals": {"aws:SourceIdentity": order.mark},
            "StringLike": {"aws:userid": f"*:{session}"},
        }
        return allowing(self._params(order).allow or EVERYTHING, order.mark, until, whom)

    def _judged(self, order: Order, found: Document, answer: Answer) -> Presence:
        """Present is what was ordered, whatever its end, as long as that has not come."""
        end, session = end_of(found), _session_of(found, order.mark)
        if end is None or session is None or found != self._policy(order, end, session):
            return Presence.PARTIAL
        return Presence.PRESENT if moment(aws_time(answer)) < end else Presence.PARTIAL


def _session_of(found: Document, mark: str) -> str | None:
    """The session that a policy of ours holds for; None where it is not one."""
    try:
        said = str(found["Statement"][0]["Condition"]["StringLike"]["aws:userid"])
    except (KeyError, IndexError, TypeError):
        return None
    session = said.removeprefix("*:")
    return session if re.fullmatch(rf"{mark}(\.[0-9a-f]{{8}})?", session) else None


def _lacking(calls: Calls, wanted: StsParams) -> list[str]:
    """Asks with an empty policy, for one that is not there, and for a session that may nothing."""
    holder, nobody = wanted.holder, f"curfew-doctor-{secrets.token_hex(6)}"
    about = {"PolicyName": nobody, **holder.key}
    found = missing(calls, [Asked("iam", "get_role", holder.key)])
    if not found and calls.found("iam", "get_role", **holder.key) is None:
        return [f"IAM has no role {holder.name}: create it, or name another."]
    session = {
        "RoleArn": wanted.role,
        "RoleSessionName": nobody,
        "SourceIdentity": nobody,
        "Policy": json.dumps(NOTHING),
        "DurationSeconds": sessions.SHORTEST,
    }
    asked = [
        Asked("iam", "put_role_policy", {**about, "PolicyDocument": "{}"}),
        Asked("iam", "get_role_policy", about),
        Asked("iam", "delete_role_policy", about),
        Asked("iam", "list_role_policies", holder.key),
        Asked("iam", "list_attached_role_policies", holder.key),
        Asked("sts", "assume_role", session, "sts:AssumeRole and sts:SetSourceIdentity"),
    ]
    found += missing(calls, asked)
    return found or _rights_of_its_own(calls, holder)


def _rights_of_its_own(calls: Calls, holder: Holder) -> list[str]:
    """What the role may anyway, its sessions may after the end of a grant as well."""
    paged = ("Marker", "Marker")
    names = [
        each
        for page in calls.pages("iam", "list_role_policies", paged, **holder.key)
        for each in page["PolicyNames"]
        if marked_id(each) is None
    ]
    for page in calls.pages("iam", "list_attached_role_policies", paged, **holder.key):
        names += [each["PolicyName"] for each in page["AttachedPolicies"]]
    if not names:
        return []
    listed = ", ".join(names)
    return [
        (
            f"The role {holder.name} has rights of its own ({listed}), which a session keeps after"
            " its grant: take them off the role, and say them in the grant block."
        )
    ]
