"""Inline policies that carry our mark as their name, on users and on roles.

Such a policy belongs to one grant alone: it is written, moved and taken away in one request, and
never shares a document with anybody else's.
"""

import json
from dataclasses import dataclass
from typing import Literal

from adapters.aws._documents import Document, marked_id
from adapters.aws._link import Calls
from adapters.base import Presence

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Holder:
    """A user or a role that can hold inline policies."""

    kind: Literal["user", "role"]
    name: str

    @property
    def key(self) -> dict[str, str]:
        return {"UserName" if self.kind == "user" else "RoleName": self.name}


def put(calls: Calls, holder: Holder, mark: str, document: Document) -> None:
    """Writes it, in place of what has that name."""
    text = json.dumps(document, separators=(",", ":"))
    operation = f"put_{holder.kind}_policy"
    calls("iam", operation, PolicyName=mark, PolicyDocument=text, **holder.key)


def get(calls: Calls, holder: Holder, mark: str) -> tuple[Document, dict[str, object]] | None:
    """What stands there and AWS's whole answer; None where there is nothing."""
    answer = calls.found("iam", f"get_{holder.kind}_policy", PolicyName=mark, **holder.key)
    return None if answer is None else (answer["PolicyDocument"], answer)


def delete(calls: Calls, holder: Holder, mark: str) -> bool:
    """Whether there was one."""
    answer = calls.found("iam", f"delete_{holder.kind}_policy", PolicyName=mark, **holder.key)
    return answer is not None


def everywhere(calls: Calls) -> list[tuple[Holder, str]]:
    """Every policy in the account that carries a mark of ours: who holds it, and the mark."""
    pages = calls.pages(
        "iam",
        "get_account_authorization_details",
        ("Marker", "Marker"),
        Filter=["User", "Role"],
        MaxItems=_PAGE,
    )
    found = []
    for page in pages:
        for user in page["UserDetailList"]:
            held = user.get("UserPolicyList", ())
            found += [(Holder("user", user["UserName"]), each["PolicyName"]) for each in held]
        for role in page["RoleDetailList"]:
            held = role.get("RolePolicyList", ())
            found += [(Holder("role", role["RoleName"]), each["PolicyName"]) for each in held]
    return [(holder, name) for holder, name in found if marked_id(name)]


def remains(calls: Calls, mark: str) -> Presence:
    """What is left of a mark of which nothing else is known."""
    found = any(name == mark for _, name in everywhere(calls))
    return Presence.PARTIAL if found else Presence.ABSENT


def delete_everywhere(calls: Calls, mark: str) -> None:
    """Takes the mark's policy away, whoever holds it."""
    for holder, name in everywhere(calls):
        if name == mark:
            delete(calls, holder, mark)
