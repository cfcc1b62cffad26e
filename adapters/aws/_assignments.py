"""Account assignments, asked for and followed to their end.

Identity Center takes a change on, works on it for seconds or minutes, and its lists show it later
still. While one change of an assignment is under way another one conflicts. So a change is followed
until it succeeded and the list agrees; a call whose time is up says `PendingError`, and the next
one carries on, from what this program remembers of the request or, after a restart, by asking anew.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.aws._errors import ABSENT, code_of
from adapters.aws._link import Answer, Calls, Turn
from adapters.base import RefusedError, UnreachableError

Look = Callable[[], Awaitable[bool]]
Key = tuple[str, tuple[str, ...]]

SSO: Final = "sso-admin"
CONFLICT: Final = "ConflictException"
AGAIN: Final = 5.0
"""Seconds after which a pending change is asked for again."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One user's permission set in one account."""

    instance: str
    account: str
    permission_set: str
    user: str

    @property
    def change(self) -> dict[str, str]:
        """As a request for a change names it."""
        return {
            "InstanceArn": self.instance,
            "TargetId": self.account,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": self.permission_set,
            "PrincipalType": "USER",
            "PrincipalId": self.user,
        }


@dataclass(frozen=True, slots=True)
class Way:
    """How one kind of change is begun and followed."""

    begin: str
    describe: str
    answer: str
    request: str
    words: str


CREATION: Final = Way(
    "create_account_assignment",
    "describe_account_assignment_creation_status",
    "AccountAssignmentCreationStatus",
    "AccountAssignmentCreationRequestId",
    "give the assignment",
)
DELETION: Final = Way(
    "delete_account_assignment",
    "describe_account_assignment_deletion_status",
    "AccountAssignmentDeletionStatus",
    "AccountAssignmentDeletionRequestId",
    "take the assignment away",
)
PROVISION: Final = Way(
    "provision_permission_set",
    "describe_permission_set_provisioning_status",
    "PermissionSetProvisioningStatus",
    "ProvisionPermissionSetRequestId",
    "provision the permission set",
)


class Changes:
    """The changes that this program began and has not seen end."""

    def __init__(self, instance: str, poll: float) -> None:
        """`poll` is how many seconds lie between two looks."""
        self._instance = instance
        self._poll = poll
        self._requests: dict[Key, str] = {}

    async def give(self, turn: Turn, wanted: Assignment) -> None:
        """The assignment is there afterwards, and the list says so."""
        if not await listed(turn, wanted):
            await self.follow(turn, CREATION, wanted.change, lambda: listed(turn, wanted))

    async def take(self, turn: Turn, wanted: Assignment) -> None:
        """It is gone afterwards, and the list says so.

        Asked for without a look at the list first: a creation that was given up on may still be
        under way, and only the conflict tells of it.
        """

        async def gone() -> bool:
            return not await listed(turn, wanted)

        await self.follow(turn, DELETION, wanted.change, gone)

    async def follow(self, turn: Turn, way: Way, change: Mapping[str, str], seen: Look) -> None:
        """Begins the change unless it is under way, and follows it until it succeeded and is seen.

        Raises `PendingError` when the call's time is up, `RefusedError` when it failed.
        """
        key = (way.begin, tuple(change.values()))
        waiting = f"Identity Center has yet to {way.words}"
        done = False
        while not done:
            if key in self._requests:
                done = await self._succeeded(turn, way, key, seen)
            else:
                done = await self._begun(turn, way, change, key, seen)
            if not done:
                await turn.pause(self._poll, waiting, retry_after=AGAIN)
        while not await seen():
            await turn.pause(self._poll, waiting, retry_after=AGAIN)

    async def _begun(
        self, turn: Turn, way: Way, change: Mapping[str, str], key: Key, seen: Look
    ) -> bool:
        """Whether there is nothing to be followed: what was asked for is so already."""
        try:
            answer = await turn.ask(SSO, way.begin, **change)
        except UnreachableError as error:
            if code_of(error) != CONFLICT:
                raise
            # a former change is under way, or this one was asked for by a call that was cut off
            return way is CREATION and await seen()
        except RefusedError as error:
            if way is CREATION or code_of(error) not in ABSENT:
                raise
            return True
        self._requests[key] = answer[way.answer]["RequestId"]
        return False

    async def _succeeded(self, turn: Turn, way: Way, key: Key, seen: Look) -> bool:
        request = {way.request: self._requests[key]}
        answer = await turn.run(
            lambda calls: calls.found(SSO, way.describe, InstanceArn=self._instance, **request)
        )
        status = answer[way.answer] if answer else {"Status": "FORGOTTEN"}
        if status["Status"] == "IN_PROGRESS":
            return False
        self._requests.pop(key, None)
        if status["Status"] == "FAILED" and (way is PROVISION or not await seen()):
            reason = status.get("FailureReason") or "without a reason"
            raise RefusedError(f"Identity Center could not {way.words}: {reason}")
        return status["Status"] != "FORGOTTEN"


async def listed(turn: Turn, wanted: Assignment) -> bool:
    """Whether the user has exactly this assignment, one of their own and none through a group."""
    return await turn.run(lambda calls: any(_is(wanted, each) for each in _all(calls, wanted)))


def _all(calls: Calls, wanted: Assignment) -> list[Answer]:
    pages = calls.pages(
        SSO,
        "list_account_assignments_for_principal",
        ("NextToken", "NextToken"),
        InstanceArn=wanted.instance,
        PrincipalId=wanted.user,
        PrincipalType="USER",
        Filter={"AccountId": wanted.account},
    )
    return [each for page in pages for each in page["AccountAssignments"]]


def _is(wanted: Assignment, found: Mapping[str, Any]) -> bool:
    theirs = (found["PrincipalType"], found["PrincipalId"])
    return theirs == ("USER", wanted.user) and (
        (found["AccountId"], found["PermissionSetArn"]) == (wanted.account, wanted.permission_set)
    )
