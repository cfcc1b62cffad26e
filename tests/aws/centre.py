"""Identity Center as slow and as strict as the real one.

What is asked for is taken on, is IN_PROGRESS for a while, then SUCCEEDED or FAILED; lists show it
later still. While one change of an assignment is under way another one conflicts.
"""

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.identitystore.models import identitystore_backends
from moto.ssoadmin.models import AccountAssignment, ssoadmin_backends

from tests.aws import policy
from tests.aws.names import ACCOUNT, REGION
from tests.aws.wire import Call, RefusalError

ACCOUNTS = {ACCOUNT, "210987654321"}
IN_PROGRESS = 0.06
LAG = 0.05
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
GONE = "ResourceNotFoundException"


def backend() -> Any:
    return ssoadmin_backends[ACCOUNT][REGION]


@dataclass
class Work:
    """Something that was taken on."""

    status: dict[str, Any]
    key: tuple[str, ...]


@dataclass
class Centre:
    """The state that moto does not have."""

    now: Callable[[], datetime]
    takes: float = IN_PROGRESS
    lag: float = LAG
    fails: list[str] = field(default_factory=list)
    works: dict[str, Work] = field(default_factory=dict)
    shown: list[tuple[str, ...]] = field(default_factory=list)
    provisioned: dict[tuple[str, str], str] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def set(self, said: dict[str, Any]) -> None:
        """`takes` and `lag` in seconds, `fails` with reasons for what is asked next."""
        self.takes = said.get("takes", IN_PROGRESS)
        self.lag = said.get("lag", LAG)
        self.fails = list(said.get("fails", []))
        if "shown" in said:  # what a test made at moto itself is shown at once
            self._landed()
            self.shown = [key_of(each) for each in backend().account_assignments]

    def may(self, user: str, account: str, arn: str, issued: str) -> bool:
        """Can a session of that permission set, begun at that moment, do anything at all?

        Its role is in the account as long as somebody has the permission set there, with the
        policy that was provisioned last.
        """
        if (account, arn) not in self.provisioned:
            return False
        held = [{"Version": "2012-10-17", "Statement": {**EVERYTHING}}]
        if inline := self.provisioned[account, arn]:
            held.append(json.loads(inline))
        context = {"identitystore:UserId": user, "aws:TokenIssueTime": issued}
        return policy.allows(held, "s3:GetObject", "arn:aws:s3:::orders/1", context)

    def _landed(self) -> None:
        """Roles come with the first assignment in an account and go with the last."""
        held = {(each.target_id, each.permission_set_arn) for each in backend().account_assignments}
        self.provisioned = {
            key: self.provisioned.get(key, _set(key[1]).inline_policy) for key in held
        }

    async def rest(self) -> None:
        for task in self.tasks:
            task.cancel()

    async def answer(self, call: Call) -> dict[str, Any] | None:
        """None for what moto answers."""
        if call.service != "sso-admin":
            return None
        self._exists(call.params)
        match call.operation:
            case "CreateAccountAssignment" | "DeleteAccountAssignment":
                return self._change(call)
            case "ProvisionPermissionSet":
                return self._provision(call)
            case (
                "DescribeAccountAssignmentCreationStatus"
                | "DescribeAccountAssignmentDeletionStatus"
                | "DescribePermissionSetProvisioningStatus"
            ):
                return self._status(call)
            case "ListAccountAssignmentsForPrincipal":
                return self._list(call.params)
        return None

    def _exists(self, params: dict[str, Any]) -> None:
        instances = [each.instance_arn for each in backend().instances]
        if params.get("InstanceArn", instances[0]) not in instances:
            raise RefusalError(GONE, "Instance not found")
        sets = [each.permission_set_arn for each in backend().permission_sets]
        if params.get("PermissionSetArn", sets[0]) not in sets:
            raise RefusalError(GONE, "PermissionSet not found")
        if params.get("TargetId", ACCOUNT) not in ACCOUNTS:
            raise RefusalError(GONE, "Account not found")

    def _change(self, call: Call) -> dict[str, Any]:
        params, word = call.params, call.operation.removesuffix("AccountAssignment")
        store = identitystore_backends[ACCOUNT][REGION].identity_stores
        if not any(params["PrincipalId"] in each.users for each in store.values()):
            raise RefusalError(GONE, "USER not found")
        wanted = AccountAssignment(
            params["InstanceArn"],
            params["TargetId"],
            params["TargetType"],
            params["PermissionSetArn"],
            params["PrincipalType"],
            params["PrincipalId"],
        )
        key = key_of(wanted)
        held = [each for each in backend().account_assignments if key_of(each) == key]
        if any(work.key == key and _busy(work) for work in self.works.values()):
            raise RefusalError("ConflictException", "a former change of this is still in progress")
        if word == "Create" and held:
            raise RefusalError("ConflictException", "Account assignment already exists")
        if word == "Delete" and not held:
            raise RefusalError(GONE, "Account assignment not found")
        work = self._taken_on(key)

        def land() -> None:
            if word == "Create":
                backend().account_assignments.append(wanted)
            else:
                for each in held:
                    backend().account_assignments.remove(each)

        self._later(work, land)
        noun = {"Create": "Creation", "Delete": "Deletion"}[word]
        return {f"AccountAssignment{noun}Status": dict(work.status)}

    def _provision(self, call: Call) -> dict[str, Any]:
        params = call.params
        if params["TargetType"] != "AWS_ACCOUNT" or "TargetId" not in params:
            raise RefusalError("ValidationException", "TargetId is needed")
        arn = params["PermissionSetArn"]
        held = {(each.target_id, each.permission_set_arn) for each in backend().account_assignments}
        if (params["TargetId"], arn) not in held:
            raise RefusalError(GONE, "PermissionSet is not provisioned in the account")
        text = _set(arn).inline_policy
        work = self._taken_on(("provision", params["TargetId"], arn))

        def land() -> None:
            self.provisioned[params["TargetId"], arn] = text

        self._later(work, land)
        return {"PermissionSetProvisioningStatus": dict(work.status)}

    def _taken_on(self, key: tuple[str, ...]) -> Work:
        request = str(uuid.uuid4())
        status = {"Status": "IN_PROGRESS", "RequestId": request, "CreatedDate": 0}
        work = self.works[request] = Work(status, key)
        return work

    def _later(self, work: Work, land: Callable[[], None]) -> None:
        reason = self.fails.pop(0) if self.fails else None

        async def happen() -> None:
            await asyncio.sleep(self.takes)
            if reason:
                work.status |= {"Status": "FAILED", "FailureReason": reason}
                return
            land()
            self._landed()
            work.status["Status"] = "SUCCEEDED"
            await asyncio.sleep(self.lag)
            self.shown = [key_of(each) for each in backend().account_assignments]

        task = asyncio.get_running_loop().create_task(happen())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _status(self, call: Call) -> dict[str, Any]:
        [name] = [name for name in call.params if name.endswith("RequestId")]
        work = self.works.get(call.params[name])
        if work is None:
            raise RefusalError(GONE, "Request not found")
        word = call.operation.removeprefix("Describe")
        return {word: dict(work.status)}

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        account = params.get("Filter", {}).get("AccountId")
        found = [
            {
                "AccountId": target,
                "PermissionSetArn": permission,
                "PrincipalId": principal,
                "PrincipalType": kind,
            }
            for target, permission, kind, principal in self.shown
            if principal == params["PrincipalId"] and account in {None, target}
        ]
        start, size = int(params.get("NextToken", 0)), 2  # short pages: nobody reads the first only
        more = {"NextToken": str(start + size)} if len(found) > start + size else {}
        return {"AccountAssignments": found[start : start + size], **more}


def _set(arn: str) -> Any:
    [found] = [each for each in backend().permission_sets if each.permission_set_arn == arn]
    return found


def key_of(each: Any) -> tuple[str, ...]:
    return (each.target_id, each.permission_set_arn, each.principal_type, each.principal_id)


def _busy(work: Work) -> bool:
    return bool(work.status["Status"] == "IN_PROGRESS")
