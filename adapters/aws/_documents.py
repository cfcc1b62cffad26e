"""IAM policies, written as data and read back. No text is ever put together by hand.

The end of a grant stands in its own statement (`DateLessThan aws:CurrentTime`): from then on IAM
refuses by itself. IAM counts whole seconds, so the end is put on the second before, never after.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.aws._account import fitting

Document = dict[str, Any]
Condition = Mapping[str, Mapping[str, str]]

SHOWN: Final = 160
"""Characters of a list of actions that a card has room for."""

VERSION: Final = "2012-10-17"
MARK: Final = re.compile(r"curfew-([0-9a-hjkmnp-tv-z]{12})")

Action = Annotated[
    str,
    AfterValidator(
        fitting(r"\*|[a-z0-9-]+:[A-Za-z0-9*?]+", "an action is named like s3:GetObject or s3:Get*")
    ),
]
Resource = Annotated[
    str,
    AfterValidator(
        fitting(r"\*|arn:aws[a-z-]*:[^\s\"]{1,1000}", "a resource is * or an ARN (arn:aws:…)")
    ),
]


class Allowed(BaseModel):
    """One entry of `allow:` in a grant block."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    actions: Annotated[tuple[Action, ...], Field(min_length=1, max_length=50)]
    resources: Annotated[tuple[Resource, ...], Field(min_length=1, max_length=50)]


def marked_id(name: str) -> str | None:
    """The grant's id where the name is a mark of ours and nothing but it."""
    found = MARK.fullmatch(name)
    return found[1] if found else None


def sid_of(mark: str, number: int = 0) -> str:
    """A statement's name: IAM takes letters and digits only."""
    return f"{mark.replace('-', '')}{number or ''}"


def moment(when: datetime) -> str:
    """As IAM reads dates, in whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(statements: Iterable[Mapping[str, Any]]) -> Document:
    """A whole policy."""
    return {"Version": VERSION, "Statement": [dict(each) for each in statements]}


def allowing(
    allow: Iterable[Allowed], mark: str, until: str, whom: Condition | None = None
) -> Document:
    """What a grant allows until its end; `whom` narrows a holder that is several people."""
    return document(
        {
            "Sid": sid_of(mark, number),
            "Effect": "Allow",
            "Action": list(each.actions),
            "Resource": list(each.resources),
            "Condition": {**(whom or {}), "DateLessThan": {"aws:CurrentTime": until}},
        }
        for number, each in enumerate(allow)
    )


def listed(allow: Iterable[Allowed]) -> str:
    """The actions for people to read, cut where they are many."""
    text = ", ".join(action for each in allow for action in each.actions)
    return text if len(text) <= SHOWN else f"{text[:SHOWN].rpartition(', ')[0]} and more"


def end_of(found: Document) -> str | None:
    """The end that stands in a document of ours; None where it is not one."""
    try:
        said = found["Statement"][0]["Condition"]["DateLessThan"]["aws:CurrentTime"]
    except (KeyError, IndexError, TypeError):
        return None
    return said if isinstance(said, str) else None
