"""What every provider block for AWS says: where, and as whom."""

import re
from collections.abc import Callable
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from adapters.base import Order, ProviderSettings, RefusedError

FAMILY: Final = "aws"
"""The word under `people:` that serves all four adapters."""


def fitting(pattern: str, said: str) -> Callable[[str], str]:
    """A check whose message says what was expected instead of showing the pattern."""
    whole = re.compile(pattern)

    def check(text: str) -> str:
        if not whole.fullmatch(text):
            raise ValueError(said)
        return text

    return check


Region = Annotated[
    str, AfterValidator(fitting(r"[a-z]{2}(-[a-z]+)+-\d", "a region is named like eu-central-1"))
]
RoleArn = Annotated[
    str,
    AfterValidator(
        fitting(
            r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+",
            "a role is named like arn:aws:iam::123456789012:role/curfew",
        )
    ),
]
Name = Annotated[
    str,
    AfterValidator(
        fitting(r"[\w+=,.@-]{1,64}", "a name in IAM has 1 to 64 letters, digits or signs of +=,.@-")
    ),
]
Url = Annotated[
    str, AfterValidator(fitting(r"https?://[^\s?#]+", "a URL begins with https:// or http://"))
]


class AwsSettings(ProviderSettings):
    """The provider's block. Without keys boto3's own chain finds the credentials."""

    region: Region
    role: RoleArn | None = None
    external_id: SecretStr | None = None
    access_key_id: str | None = Field(default=None, pattern=r"^[A-Z0-9]{16,128}$")
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    endpoint_url: Url | None = None
    connections: int = Field(default=8, ge=1, le=50)

    @model_validator(mode="after")
    def _keys_are_a_pair(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token needs access_key_id and secret_access_key")
        if self.external_id is not None and self.role is None:
            raise ValueError("external_id belongs to a role: name it under role")
        return self


def name_of(order: Order, provider: str, kind: str) -> str:
    """What the person is called in AWS: what the policy says, else the e-mail; never a guess.

    Raises `RefusedError` where nothing is known.
    """
    names, person = order.person.names, order.person
    name = names.get(provider) or names.get(kind) or names.get(FAMILY) or person.email
    if not name:
        raise RefusedError(
            f"It is not known who {person.name or person.user} is in {provider}:"
            f" the policy's people: block can say it, under {provider}, {kind} or {FAMILY}."
        )
    return name
