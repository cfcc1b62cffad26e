"""Requests read and checked by the very model that botocore makes them from.

Strict: an unknown operation, member or value of an enumeration, a wrong type, length or pattern is
refused, as AWS refuses it. So an adapter cannot live on what only moto lets through.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import botocore.session

SERVICES = {
    "iam": "iam",
    "sts": "sts",
    "sso": "sso-admin",
    "identitystore": "identitystore",
    "secretsmanager": "secretsmanager",
}
"""By the name that requests are signed for."""

XML = "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message>"


class RefusalError(Exception):
    """An answer that says no, in AWS's words."""

    def __init__(
        self, code: str, message: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Call:
    """One request: what it asks for, and the key that signed it."""

    service: str
    operation: str
    params: dict[str, Any]
    key: str
    is_json: bool
    answer: dict[str, Any] = field(default_factory=dict)


@cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def read(signing_name: str, key: str, headers: Mapping[str, str], body: bytes) -> Call:
    """The request, checked in every part."""
    service = SERVICES.get(signing_name)
    if service is None:
        raise RefusalError("UnknownService", f"this account uses no {signing_name}", 404)
    described = model(service)
    is_json = described.protocol == "json"
    if is_json:
        prefix, _, operation = headers.get("X-Amz-Target", "").partition(".")
        if prefix != described.metadata["targetPrefix"]:
            raise RefusalError("UnknownOperationException", f"no such target: {prefix}")
        params = json.loads(body)
        flat: dict[str, str] = {}
    else:
        flat = dict(parse_qsl(body.decode(), keep_blank_values=True))
        operation, params = flat.pop("Action", ""), {}
        if flat.pop("Version", "") != described.api_version:
            raise RefusalError("InvalidAction", "wrong version")
    if operation not in described.operation_names:
        raise RefusalError("InvalidAction", f"no such operation: {operation}")
    shape = described.operation_model(operation).input_shape
    if not is_json:
        params = _structure(shape, flat, "") if shape else {}
        if flat:
            raise RefusalError("ValidationError", f"unknown parameters: {sorted(flat)}")
    if shape:
        check(shape, params, operation)
    return Call(service, operation, params, key, is_json)


def refused(refusal: RefusalError, *, is_json: bool) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a refusal."""
    if is_json:
        text = json.dumps({"__type": refusal.code, "message": refusal.message})
        kind = "application/x-amz-json-1.1"
    else:
        who = "Sender" if refusal.status < 500 else "Receiver"
        said = refusal.message.replace("&", "&amp;").replace("<", "&lt;")
        text = XML.format(kind=who, code=refusal.code, message=said)
        text += "</Error><RequestId>0</RequestId></ErrorResponse>"
        kind = "text/xml"
    return refusal.status, {"Content-Type": kind, **refusal.headers}, text.encode()


def check(shape: Any, value: Any, path: str) -> None:
    """Everything that the model says of a value."""
    wanted = CHECKS.get(shape.type_name)
    if wanted is None:
        raise RefusalError(
            "ValidationException", f"{path}: the stand-in cannot check {shape.type_name}"
        )
    wanted(shape, value, path)


def _check_structure(shape: Any, value: Any, path: str) -> None:
    if getattr(shape, "is_document_type", False):  # any JSON
        return
    _typed(value, dict, path)
    if unknown := set(value) - set(shape.members):
        raise RefusalError("ValidationException", f"{path}: unknown members {sorted(unknown)}")
    if lacking := set(shape.required_members) - set(value):
        raise RefusalError("ValidationException", f"{path}: lacks {sorted(lacking)}")
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        raise RefusalError("ValidationException", f"{path}: exactly one member is needed")
    for name, each in value.items():
        check(shape.members[name], each, f"{path}.{name}")


def _check_list(shape: Any, value: Any, path: str) -> None:
    _typed(value, list, path)
    _between(shape, len(value), path)
    for number, each in enumerate(value):
        check(shape.member, each, f"{path}[{number}]")


def _check_map(shape: Any, value: Any, path: str) -> None:
    _typed(value, dict, path)
    for name, each in value.items():
        check(shape.key, name, path)
        check(shape.value, each, f"{path}.{name}")


def _check_string(shape: Any, value: Any, path: str) -> None:
    _typed(value, str, path)
    _between(shape, len(value), path)
    if shape.enum and value not in shape.enum:
        raise RefusalError("ValidationException", f"{path}: {value!r} is none of {shape.enum}")
    pattern = shape.metadata.get("pattern")
    if pattern and r"\p{" not in pattern and not re.fullmatch(pattern, value):
        raise RefusalError("ValidationException", f"{path}: {value!r} does not fit {pattern}")


def _check_number(shape: Any, value: Any, path: str) -> None:
    _typed(value, int, path)
    _between(shape, value, path)


def _check_boolean(shape: Any, value: Any, path: str) -> None:
    del shape
    _typed(value, bool, path)


CHECKS = {
    "structure": _check_structure,
    "list": _check_list,
    "map": _check_map,
    "string": _check_string,
    "integer": _check_number,
    "long": _check_number,
    "boolean": _check_boolean,
}


def _typed(value: Any, kind: type, path: str) -> None:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RefusalError("SerializationException", f"{path}: {value!r} is no {kind.__name__}")


def _between(shape: Any, size: int, path: str) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        raise RefusalError("ValidationError", f"{path}: {size} is not within {least} and {most}")


# --- the query protocol: names with dots ---------------------------------------------------------


def _structure(shape: Any, flat: dict[str, str], prefix: str) -> dict[str, Any]:
    found = {}
    for name, member in shape.members.items():
        label = prefix + member.serialization.get("name", name)
        value = _value(member, flat, label)
        if value is not None:
            found[name] = value
    return found


def _list(shape: Any, flat: dict[str, str], label: str) -> list[Any] | None:
    if flat.get(label) == "":  # an empty list
        del flat[label]
        return []
    middle = "" if shape.serialization.get("flattened") else ".member"
    found: list[Any] = []
    while (each := _value(shape.member, flat, f"{label}{middle}.{len(found) + 1}")) is not None:
        found.append(each)
    return found or None


def _value(shape: Any, flat: dict[str, str], label: str) -> Any:
    if shape.type_name == "structure":
        return _structure(shape, flat, f"{label}.") or None
    if shape.type_name == "list":
        return _list(shape, flat, label)
    text = flat.pop(label, None)
    if text is None:
        return None
    if shape.type_name in {"integer", "long"}:
        return int(text)
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text
