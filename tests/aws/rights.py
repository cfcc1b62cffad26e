"""What a request needs to be allowed: the action's name, and the ARN of everything it is about."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from tests.aws import policy
from tests.aws.callers import Caller, iam
from tests.aws.names import ACCOUNT, REGION
from tests.aws.wire import Call, RefusalError

PREFIXES = {"sso-admin": "sso"}
STORE = f"arn:aws:identitystore::{ACCOUNT}:identitystore/"
OPEN = {"sts:GetCallerIdentity"}
"""Nobody needs to be allowed these."""


def _iam(call: Call) -> list[str]:
    root, params = f"arn:aws:iam::{ACCOUNT}", call.params
    if "GroupName" in params:
        return [f"{root}:group/{params['GroupName']}"]
    for kind in ("User", "Role"):
        if f"{kind}Name" in params:
            return [f"{root}:{kind.lower()}/{params[f'{kind}Name']}"]
    return ["*"]


def _sts(call: Call) -> list[str]:
    return [call.params.get("RoleArn", "*")]


def _sso(call: Call) -> list[str]:
    params = call.params
    found = [params[name] for name in ("InstanceArn", "PermissionSetArn") if name in params]
    target = params.get("TargetId") or params.get("AccountId")
    if target and "Status" not in call.operation:
        found.append(f"arn:aws:sso:::account/{target}")
    return found


def _store(call: Call) -> list[str]:
    return [STORE + call.params["IdentityStoreId"], "arn:aws:identitystore:::user/*"]


def _secrets(call: Call) -> list[str]:
    name = call.params.get("SecretId")
    if name is None:
        return ["*"]
    if name.startswith("arn:"):
        return [name]
    held = secretsmanager_backends[ACCOUNT][REGION].secrets
    return [
        held[name].arn
        if name in held
        else f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}"
    ]


RESOURCES: dict[str, Callable[[Call], list[str]]] = {
    "iam": _iam,
    "sts": _sts,
    "sso-admin": _sso,
    "identitystore": _store,
    "secretsmanager": _secrets,
}


def needed(call: Call) -> list[tuple[str, str]]:
    """Pairs of action and resource, each of which must be allowed."""
    action = f"{PREFIXES.get(call.service, call.service)}:{call.operation}"
    found = [(action, arn) for arn in RESOURCES[call.service](call)]
    if "SourceIdentity" in call.params:
        found.append(("sts:SetSourceIdentity", call.params["RoleArn"]))
    return found


def demand(caller: Caller, call: Call, now: datetime) -> list[str]:
    """The actions that were used. Raises in AWS's words where one of them is not allowed."""
    context = caller.context(
        now,
        **{
            "sts:RoleSessionName": call.params.get("RoleSessionName"),
            "sts:SourceIdentity": call.params.get("SourceIdentity"),
            "sts:ExternalId": call.params.get("ExternalId"),
        },
    )
    pairs = [pair for pair in needed(call) if pair[0] not in OPEN]
    for action, arn in pairs:
        granted = caller.may(action, arn, context) or _by_resource(call, action, arn, context)
        if not granted or (call.operation == "AssumeRole" and not _trusted(call, action, context)):
            _deny(caller, call, action, arn)
    return [action for action, _ in pairs]


def _by_resource(call: Call, action: str, arn: str, context: dict[str, str | None]) -> bool:
    """A secret's own policy lets people in as well."""
    if call.service != "secretsmanager":
        return False
    held: Any = secretsmanager_backends[ACCOUNT][REGION]
    for secret in held.secrets.values():
        if secret.arn == arn and secret.policy:
            return policy.allows([_loaded(secret.policy)], action, arn, context)
    return False


def _loaded(text: str) -> Any:
    import json  # noqa: PLC0415 - only this needs it

    return json.loads(text)


def _trusted(call: Call, action: str, context: dict[str, str | None]) -> bool:
    roles = [role for role in iam().roles.values() if role.arn == call.params["RoleArn"]]
    return any(
        policy.allows([_loaded(role.assume_role_policy_document)], action, role.arn, context)
        for role in roles
    )


def _deny(caller: Caller, call: Call, action: str, arn: str) -> None:
    message = f"User: {caller.arn} is not authorized to perform: {action} on resource: {arn}"
    if call.is_json:
        raise RefusalError("AccessDeniedException", message)
    raise RefusalError("AccessDenied", message, 403)
