"""Orders and answers as JSON, for adapters whose other side is a company's own program.

`adapters._json_adapter` asks in it: `webhook` over HTTP, `command` through a pipe. The shapes
stand in `docs/adapters/webhook.openapi.yml` too; a test holds the two together.
"""

import json
from datetime import UTC
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from adapters.base import Caps, Credential, Order, Presence, Session, Snippet, UnreachableError

ANSWER_LIMIT = 64 * 1024
"""Bytes of an answer that are read; a longer one is no answer."""

Can = Literal[
    "per_grant",
    "native_expiry",
    "ends_sessions",
    "issues_credentials",
    "lists_owned",
    "watches_sessions",
    "knows_people",
]
"""What the other side may promise beyond grant, revoke and verify."""

KNOWS_PEOPLE: Can = "knows_people"


def caps_of(can: frozenset[Can]) -> Caps:
    """The flags behind the words."""
    caps = Caps.NONE
    for word in can - {KNOWS_PEOPLE}:
        caps |= Caps[word.upper()]
    return caps


def order_json(order: Order) -> dict[str, object]:
    """An order as the other side gets it: plain data, times in RFC 3339 UTC."""
    person = order.person
    return {
        "grant_id": order.grant_id,
        "mark": order.mark,
        "resource": order.resource,
        "access": order.params.get("access", {}),
        "person": {
            "user": person.user,
            "email": person.email,
            "name": person.name,
            "names": dict(person.names),
        },
        "expires_at": order.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def fact(order: Order, *names: str) -> str:
    """The key of what is there or not, without `per_grant`: this access for this person.

    `names` are the provider's and the kind's, by which `people:` may name the person.
    """
    person = order.person
    who = next((person.names[name] for name in names if name in person.names), None)
    access = json.dumps(order.params.get("access", {}), sort_keys=True, ensure_ascii=False)
    return f"{access}:{who or person.email or person.user}"


def encoded(document: object) -> bytes:
    """The bytes that are sent."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class Shape(BaseModel):
    """An answer. What it says beyond its fields is ignored, so that services may grow."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Done(Shape):
    """To grant and revoke."""


class Missing(Shape):
    """To probe: what is missing, a sentence with its remedy each."""

    missing: list[str] = []


class Counterpart(Shape):
    """To counterpart: why this person cannot be let in; null when they can."""

    missing: str | None = None


class Found(Shape):
    """To verify."""

    presence: Presence


class Owned(Shape):
    """To owned: the grant ids of everything that carries our mark."""

    grants: frozenset[Annotated[str, Field(pattern=r"^[0-9a-hjkmnp-tv-z]{12}$")]]


class ShownSnippet(Shape):
    label: Annotated[str, Field(min_length=1, max_length=60)]
    text: Annotated[str, Field(min_length=1, max_length=2500, repr=False)]


class Issued(Shape):
    """To issue: what the person pastes."""

    snippets: Annotated[list[ShownSnippet], Field(min_length=1, max_length=10, repr=False)]
    note: Annotated[str, Field(max_length=500)] = ""

    @property
    def credential(self) -> Credential:
        return Credential(tuple(Snippet(one.label, one.text) for one in self.snippets), self.note)


class OpenSession(Shape):
    id: str
    since: AwareDatetime
    client: str = ""
    program: str = ""


class Sessions(Shape):
    """To sessions: who is connected through this grant."""

    sessions: list[OpenSession]

    @property
    def open(self) -> tuple[Session, ...]:
        return tuple(Session(one.id, one.since, one.client, one.program) for one in self.sessions)


class Pause(Shape):
    """What an answer that puts the caller off may say besides its sentence; seconds."""

    pending: bool = False
    retry_after: Annotated[float, Field(ge=0, le=3600)] | None = None


S = TypeVar("S", bound=Shape)


def read(shape: type[S], answer: bytes, *, whose: str) -> S:
    """The answer in its shape. Raises `UnreachableError`: a program that is wrong may be mended."""
    try:
        return shape.model_validate_json(answer or b"{}")
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "it"
        raise UnreachableError(
            f"{whose} gave an answer that is none: {where}: {error.errors()[0]['msg']}"
        ) from None


def spoken(answer: bytes, fallback: str) -> str:
    """The sentence of an answer that says no, without control characters."""
    try:
        said = json.loads(answer)["error"]
    except (ValueError, KeyError, TypeError):
        return fallback
    return printable(str(said)) or fallback


def printable(text: str) -> str:
    """One line without control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
