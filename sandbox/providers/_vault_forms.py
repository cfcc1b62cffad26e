"""Policies, durations, and the forms of a no."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.providers._house import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]

_RULE = re.compile(r'path\s+"([^"]+)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}')
_COMMENT = re.compile(r"#[^\n]*")
_DURATION = re.compile(r"(\d+)(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, None: 1}
CAPABILITIES = {"create", "read", "update", "patch", "delete", "list", "sudo", "deny"}

SUDO = ("sys/leases/revoke-prefix/", "sys/leases/lookup/", "sys/leases/revoke-force/")
"""Below these the caller needs `sudo` too."""


class Policy:
    """Capabilities by path, from HCL."""

    def __init__(self, text: str) -> None:
        """ValueError for what is no policy."""
        text = _COMMENT.sub("", text)
        self.rules: dict[str, set[str]] = {}
        for path, words in _RULE.findall(text):
            granted = {word.strip().strip('"') for word in words.split(",") if word.strip()}
            if not granted <= CAPABILITIES:
                raise ValueError(f"unknown capabilities {granted - CAPABILITIES}")
            self.rules[path] = granted
        if _RULE.sub("", text).strip() or not self.rules:
            raise ValueError("that is no policy")


def capabilities(policies: Iterable[Policy], path: str) -> set[str]:
    """What the policies allow on the path: of each the most specific rule, all together."""
    granted: set[str] = set()
    for policy in policies:
        fitting = [rule for rule in policy.rules if _fits(rule, path)]
        if fitting:
            best = max(fitting, key=lambda rule: (not rule.endswith("*"), len(rule)))
            granted |= policy.rules[best]
    return {"deny"} if "deny" in granted or not granted else granted


def _fits(rule: str, path: str) -> bool:
    glob = rule.endswith("*")
    wanted = re.escape(rule.removesuffix("*")).replace(r"\+", "[^/]+")
    return bool(re.match(wanted, path) if glob else re.fullmatch(wanted, path))


def duration(value: object) -> timedelta:
    """As Vault reads one; 400 for what is none."""
    found = _DURATION.fullmatch(str(value))
    if found is None:
        raise failure(400, f"error converting input {value!r} for field: invalid duration")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def known(body: object, fields: Iterable[str]) -> Json:
    """The body, when it is an object of these fields only: stricter than Vault, which ignores."""
    if not isinstance(body, dict) or set(body) - set(fields):
        raise failure(400, f"unknown fields in {body!r}")
    return body


def failure(status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    """Vault's form of a no; a 404 has none."""
    return Answer(status, {"errors": [message] if message else []}, headers)


def done(**parts: object) -> Json:
    """Vault's form of a yes."""
    empty: Json = {"lease_id": "", "renewable": False, "lease_duration": 0}
    return {"request_id": "0", **empty, "data": None, "warnings": None, "auth": None, **parts}
