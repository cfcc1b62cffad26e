"""Sessions of a role: how they are limited, and what a person pastes to use one."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from adapters.aws._documents import Document, document, moment
from adapters.base import Credential, Snippet

SHORTEST: Final = 900
"""Seconds: AWS makes no shorter session."""

LONGEST: Final = 3600
"""Seconds: what every role allows, also to a bot that assumed a role itself."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What AssumeRole hands out."""

    key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires: datetime


def limits(until: str, policies: Sequence[str]) -> Document:
    """A session policy: nothing from the end on, and never a further role.

    A role that the session assumed would give new credentials of an hour that no end reaches.
    Without managed policies everything else is left to the role's own policy.
    """
    past = {"DateGreaterThanEquals": {"aws:CurrentTime": until}}
    denied: list[dict[str, Any]] = [
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": past},
        {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"},
    ]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return document(denied if policies else [everything, *denied])


def lasting(until: datetime, now: datetime) -> int:
    """How long to ask for, in seconds; the policies end it in time."""
    return max(SHORTEST, min(LONGEST, int((until - now).total_seconds())))


def read(answer: Mapping[str, Any]) -> Keys:
    """Of AssumeRole's answer."""
    said = answer["Credentials"]
    return Keys(
        said["AccessKeyId"], said["SecretAccessKey"], said["SessionToken"], said["Expiration"]
    )


def credential(keys: Keys, region: str, link: str | None) -> Credential:
    """Three variables, a line for `~/.aws/config`, and a link to the console where there is one."""
    variables = {
        "AWS_ACCESS_KEY_ID": keys.key,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_SESSION_TOKEN": keys.token,
        "AWS_REGION": region,
    }
    lines = "\n".join(f"export {name}={shlex.quote(text)}" for name, text in variables.items())
    said = json.dumps(
        {
            "Version": 1,
            "AccessKeyId": keys.key,
            "SecretAccessKey": keys.secret,
            "SessionToken": keys.token,
            "Expiration": moment(keys.expires),
        }
    )
    snippets = [
        Snippet("Environment", lines),
        Snippet("In ~/.aws/config", f"credential_process = echo {shlex.quote(said)}"),
    ]
    note = "AWS may need some seconds until they work. They last an hour at most: press again then."
    if link is not None:
        snippets.append(Snippet("Console", link))
    else:
        note += " There is no link to the console: AWS's sign-in did not answer."
    return Credential(tuple(snippets), note)


async def console_link(keys: Keys, *, signin: str, console: str, within: float) -> str | None:
    """A link that signs in to the console as this session; None where the sign-in does not answer.

    `within` is in seconds.
    """
    session = {"sessionId": keys.key, "sessionKey": keys.secret, "sessionToken": keys.token}
    asked = {"Action": "getSigninToken", "Session": json.dumps(session)}
    limit = aiohttp.ClientTimeout(total=max(0.1, within))
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, trust_env=True) as client,
            client.get(signin, params=asked) as answer,
        ):
            answer.raise_for_status()
            token = str((await answer.json(content_type=None))["SigninToken"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError):
        return None  # its errors would show the address, and the address the secret
    query = {"Action": "login", "Issuer": "curfew", "Destination": console, "SigninToken": token}
    return f"{signin}?{urlencode(query)}"
