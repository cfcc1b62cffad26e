"""Who signed a request, and what the policies that stand in moto let them do."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from tests.aws import policy
from tests.aws.names import ACCOUNT, BOT
from tests.aws.wire import Call, RefusalError

UNKNOWN_KEY = "The security token included in the request is invalid"


def iam() -> Any:
    return iam_backends[ACCOUNT]["aws"]


@dataclass
class Caller:
    """A user or a session of a role."""

    arn: str
    userid: str
    secret: str
    documents: list[Any]
    username: str | None = None
    token: str | None = None
    source: str | None = None
    issued: datetime | None = None
    identity: str | None = None
    limits: list[Any] | None = None
    """Of the session: nothing is allowed that these do not allow too."""

    def context(self, now: datetime, **more: str | None) -> dict[str, str | None]:
        return {
            "aws:CurrentTime": now.isoformat(),
            "aws:TokenIssueTime": self.issued.isoformat() if self.issued else None,
            "aws:PrincipalArn": self.arn,
            "aws:PrincipalAccount": ACCOUNT,
            "aws:userid": self.userid,
            "aws:username": self.username,
            "aws:SourceIdentity": self.source,
            "identitystore:UserId": self.identity,
            "sts:RoleSessionName": None,
            "sts:SourceIdentity": None,
            "sts:ExternalId": None,
            **more,
        }

    def may(self, action: str, resource: str, context: dict[str, str | None]) -> bool:
        if self.limits is not None and not policy.allows(self.limits, action, resource, context):
            return False
        return policy.allows(self.documents, action, resource, context)


@dataclass
class Session:
    """What moto does not keep of a session that it made."""

    issued: datetime
    params: dict[str, Any]


@dataclass
class Callers:
    """Everybody with a key."""

    forbidden: bool = False
    """The bot may look and change nothing."""
    locked: bool = False
    """The bot's key is not accepted any more."""
    sessions: dict[str, Session] = field(default_factory=dict)

    def who(self, key: str, service: str, now: datetime) -> Caller:
        """Raises for keys that are unknown, switched off or past their time."""
        caller = self._user(key) or self._session(key, now)
        if caller is None or (self.locked and caller.username == BOT):
            code = "InvalidClientTokenId" if service in {"iam", "sts"} else None
            status = 403 if code else 400
            raise RefusalError(code or "UnrecognizedClientException", UNKNOWN_KEY, status)
        if self.forbidden and caller.username == BOT:
            reads = ["*:Get*", "*:List*", "*:Describe*"]
            denied = {"Effect": "Deny", "NotAction": reads, "Resource": "*"}
            caller.documents.append({"Version": "2012-10-17", "Statement": denied})
        return caller

    def assumed(self, key: str, call: Call, now: datetime) -> None:
        """A session was made."""
        self.sessions[key] = Session(now, call.params)

    def _user(self, key: str) -> Caller | None:
        user = iam().get_user_from_access_key_id(key)
        if user is None:
            return None
        [found] = [each for each in user.access_keys if each.access_key_id == key]
        if found.status != "Active":
            return None
        holders = [user, *iam().get_groups_for_user(user.name)]
        return Caller(
            user.arn,
            user.id,
            found.secret_access_key,
            _documents(holders),
            username=user.name,
        )

    def _session(self, key: str, now: datetime) -> Caller | None:
        made = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(key)
        if made is None:
            return None
        about = self.sessions[key]
        lasts = timedelta(seconds=about.params.get("DurationSeconds", 3600))
        if now >= about.issued + lasts:
            raise RefusalError(
                "ExpiredToken", "The security token included in the request is expired"
            )
        role = iam().get_role_by_arn(made.role_arn)
        return Caller(
            made.arn,
            made.user_id,
            made.secret_access_key,
            _documents([role]),
            token=made.session_token,
            source=about.params.get("SourceIdentity"),
            issued=about.issued.replace(microsecond=0),
            limits=_limits(about.params),
        )


def _documents(holders: Iterable[Any]) -> list[Any]:
    found = []
    for holder in holders:
        found += [_read(text) for text in dict(holder.policies).values()]
        found += [_managed(each) for each in holder.managed_policies.values()]
    return found


def _limits(params: dict[str, Any]) -> list[Any] | None:
    found = [_read(params["Policy"])] if "Policy" in params else []
    for each in params.get("PolicyArns", []):
        if each["arn"] not in iam().managed_policies:
            raise RefusalError("ValidationError", f"no such policy: {each['arn']}")
        found.append(_managed(iam().managed_policies[each["arn"]]))
    return found or None


def _managed(each: Any) -> Any:
    [version] = [one for one in each.versions if one.version_id == each.default_version_id]
    return _read(version.document)


def _read(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) else text
