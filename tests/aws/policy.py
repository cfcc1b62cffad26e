"""Who may do what by a set of IAM policies: small, and refusing what it does not know.

Whether access is there and gone is judged by this, on the documents that stand in moto, and never
by asking the adapter.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

Context = Mapping[str, str | None]
Document = Mapping[str, Any]

KEYS = {
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "Principal",
}
ESCAPED = {"*": "*", "?": "?", "$": "$"}


class UnknownToUsError(Exception):
    """A part of the policy language that this evaluator does not speak."""


def allows(documents: Iterable[Document], action: str, resource: str, context: Context) -> bool:
    """An Allow and no Deny."""
    found = effects(documents, action, resource, context)
    return "Allow" in found and "Deny" not in found


def effects(
    documents: Iterable[Document], action: str, resource: str, context: Context
) -> set[str]:
    """The effects of all statements that hold."""
    found = set()
    for document in documents:
        if document["Version"] != "2012-10-17":
            raise UnknownToUsError(document["Version"])
        for statement in _listed(document["Statement"]):
            if unknown := set(statement) - KEYS:
                raise UnknownToUsError(str(unknown))
            if _about(statement, action, resource, context) and all(
                _holds(operator, wanted, context)
                for operator, wanted in statement.get("Condition", {}).items()
            ):
                found.add(statement["Effect"])
    return found


def _about(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    if "Principal" in statement and not _is_meant(statement["Principal"], context):
        return False
    acts = _any(statement.get("Action"), action.lower(), context, lower=True)
    if "NotAction" in statement:
        acts = not _any(statement["NotAction"], action.lower(), context, lower=True)
    if "NotResource" in statement:
        raise UnknownToUsError("NotResource")
    if "Resource" not in statement:  # a trust policy has none
        return acts
    return acts and _any(statement["Resource"], resource, context)


def _is_meant(principal: Any, context: Context) -> bool:
    if principal == "*":
        return True
    if set(principal) != {"AWS"}:
        raise UnknownToUsError(str(principal))
    arn, account = str(context["aws:PrincipalArn"]), str(context["aws:PrincipalAccount"])
    root = f"arn:aws:iam::{account}:root"
    return any(each in {arn, account, root} for each in _listed(principal["AWS"]))


def _any(patterns: Any, text: str, context: Context, *, lower: bool = False) -> bool:
    return any(
        like(each.lower() if lower else each, text, context) for each in _listed(patterns or [])
    )


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def literal(text: str, context: Context) -> str:
    """The text with its variables put in; those that it does not know are refused."""
    return re.sub(r"\$\{([^}]*)\}", lambda found: _variable(found[1], context), text)


def _variable(name: str, context: Context) -> str:
    if name in ESCAPED:
        return ESCAPED[name]
    if name not in context:
        raise UnknownToUsError(name)
    return context[name] or "\0"


def like(pattern: str, text: str, context: Context) -> bool:
    """With `*` and `?`, in the whole text."""
    parts = re.split(r"(\$\{[^}]*\}|\*|\?)", pattern)
    made = ""
    for part in parts:
        if part in {"*", "?"}:
            made += ".*" if part == "*" else "."
        else:
            made += re.escape(literal(part, context))
    return re.fullmatch(made, text, re.DOTALL) is not None


def _holds(operator: str, wanted: Mapping[str, Any], context: Context) -> bool:
    return all(_one(operator, key, _listed(values), context) for key, values in wanted.items())


def _one(operator: str, key: str, values: list[str], context: Context) -> bool:
    names = {name.lower(): name for name in context}
    if key.lower() not in names:
        raise UnknownToUsError(key)
    found = context[names[key.lower()]]
    if operator == "Null":
        return (found is None) == (values == ["true"])
    if operator.endswith("IfExists"):
        return found is None or _one(operator.removesuffix("IfExists"), key, values, context)
    if operator not in OPERATORS:
        raise UnknownToUsError(operator)
    negated, test = OPERATORS[operator]
    if found is None:
        return negated
    return any(test(each, found, context) for each in values) != negated


def _equals(value: str, found: str, context: Context) -> bool:
    return literal(value, context) == found


def _before(value: str, found: str, context: Context) -> bool:
    del context
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
        raise UnknownToUsError(value)
    return found[:19] < value[:19]


def _from(value: str, found: str, context: Context) -> bool:
    return not _before(value, found, context)


OPERATORS = {
    "StringEquals": (False, _equals),
    "StringNotEquals": (True, _equals),
    "StringLike": (False, like),
    "StringNotLike": (True, like),
    "ArnEquals": (False, like),
    "DateLessThan": (False, _before),
    "DateGreaterThanEquals": (False, _from),
}
