"""Sessions that were handed out already, ended as AWS documents it: a Deny in the permission set.

The inline policy of a permission set is one document for everybody. Ours are the statements that
bear a mark: one for each person, which denies all that their sessions do that began before an end.
It gives nobody anything and takes nothing from whoever signs in again. After the longest session
that there can be it means nothing any more, and the next change takes it out.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adapters.aws._assignments import SSO, Assignment
from adapters.aws._documents import VERSION, Document, moment, sid_of
from adapters.aws._link import Calls, aws_time

LONGEST: Final = timedelta(hours=12)
"""How long a session of a permission set can last at most."""

_OURS: Final = re.compile(r"curfew[0-9a-hjkmnp-tv-z]{12}")


def fence(calls: Calls, wanted: Assignment, mark: str) -> None:
    """The statement stands in the permission set; whoever else wrote into it is left alone.

    Reads and writes in one go, so that two ends in one program do not lose one another.
    """
    about = {"InstanceArn": wanted.instance, "PermissionSetArn": wanted.permission_set}
    answer = calls(SSO, "get_inline_policy_for_permission_set", **about)
    found = json.loads(answer.get("InlinePolicy") or "null") or {"Version": VERSION}
    statements = _statements(found)
    if any(each.get("Sid") == sid_of(mark) for each in statements):
        return
    now = aws_time(answer)
    kept = [each for each in statements if not _is_over(each, wanted.user, now)]
    # AWS counts seconds: a session that began in this very one is older than the next
    kept.append(_statement(mark, wanted.user, now + timedelta(seconds=1)))
    text = json.dumps({**found, "Statement": kept}, separators=(",", ":"))
    calls(SSO, "put_inline_policy_to_permission_set", InlinePolicy=text, **about)


def stands(calls: Calls, wanted: Assignment, mark: str) -> bool:
    """Whether the statement is there: another program may have written over it."""
    about = {"InstanceArn": wanted.instance, "PermissionSetArn": wanted.permission_set}
    answer = calls(SSO, "get_inline_policy_for_permission_set", **about)
    found = json.loads(answer.get("InlinePolicy") or "{}")
    return any(each.get("Sid") == sid_of(mark) for each in _statements(found))


def _statement(mark: str, user: str, before: datetime) -> Document:
    return {
        "Sid": sid_of(mark),
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "StringEquals": {"identitystore:UserId": user},
            "DateLessThan": {"aws:TokenIssueTime": moment(before)},
        },
    }


def _statements(found: Mapping[str, Any]) -> list[Document]:
    held = found.get("Statement", [])
    return [held] if isinstance(held, dict) else list(held)


def _is_over(statement: Mapping[str, Any], user: str, now: datetime) -> bool:
    """One of ours that means nothing any more, or that the person's new one says as well."""
    if not _OURS.fullmatch(str(statement.get("Sid", ""))) or statement.get("Effect") != "Deny":
        return False
    condition = statement.get("Condition", {})
    before = condition.get("DateLessThan", {}).get("aws:TokenIssueTime", "")
    of = condition.get("StringEquals", {}).get("identitystore:UserId")
    try:
        end = datetime.strptime(before, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return bool(of == user) or end + LONGEST < now
