"""What the policy file says of ssh: the provider's settings and a resource's grant block."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from cryptography.hazmat.primitives.serialization import SSHCertPublicKeyTypes
from pydantic import AfterValidator, Field, model_validator

from adapters._ssh_certs import public_key
from adapters.base import GrantParams, Person, ProviderSettings, RefusedError

NAME = "{name}"
"""Stands for the person's own name, as a whole principal only."""

MARK = "{mark}"
PRINCIPAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}")
ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
Extension = Literal[
    "permit-pty",
    "permit-port-forwarding",
    "permit-agent-forwarding",
    "permit-X11-forwarding",
    "permit-user-rc",
]


def principal(text: str) -> str:
    """One that sshd reads as one: no comma, no blank, no wildcard."""
    if text != NAME and not PRINCIPAL.fullmatch(text):
        raise ValueError(
            "a principal has letters, digits and _ . @ + - only, or is {name} and nothing else"
        )
    return text


def account(text: str) -> str:
    """A login name on the host."""
    if text != NAME and not ACCOUNT.fullmatch(text):
        raise ValueError("a user has letters, digits and _ . - only, or is {name} and nothing else")
    return text


def host_name(text: str) -> str:
    if not HOST.fullmatch(text):
        raise ValueError("this is no name or address of a host")
    return text


def source(text: str) -> str:
    """An address or a network, as sshd takes it."""
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError(
            "a source address is an address or a network without bits behind its mask, such as"
            " 192.0.2.0/24"
        ) from None


def one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a forced command is one line without control characters")
    return text


def absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("write the whole path, from / on")
    return path


Place = Annotated[Path, AfterValidator(absolute)]
Word = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(one_line)]


class SshSettings(ProviderSettings):
    """The provider's block. The CA's key is in a file or in an agent.

    `state` is a directory of the adapter's own, shared by all replicas; `krl` the list of revoked
    keys, in it where nothing is said. `end_sessions` is a program with its arguments.
    """

    state: Place
    krl: Place | None = None
    ca_key: Place | None = None
    ca_agent: Place | None = None
    ca_public: str | None = None
    end_sessions: tuple[Word, ...] = Field(default=(), max_length=50)
    end_sessions_within: float = Field(default=5.0, ge=0.1, le=8.0)

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.ca_key is None) == (self.ca_agent is None):
            raise ValueError("say where the CA's key is: ca_key, or ca_agent with ca_public")
        if (self.ca_agent is None) != (self.ca_public is None):
            raise ValueError(
                "ca_public goes with ca_agent: it says which of the agent's keys it is"
            )
        if self.ca_public is not None:
            try:
                public_key(self.ca_public)
            except ValueError as error:
                raise ValueError(f"ca_public: {error}") from None
        if self.end_sessions and not Path(self.end_sessions[0]).is_absolute():
            raise ValueError("end_sessions begins with the whole path of a program")
        return self

    @property
    def shown(self) -> Path:
        """The list of revoked keys."""
        return self.krl or self.state / "revoked.krl"

    @property
    def authority(self) -> SSHCertPublicKeyTypes:
        """The CA's key in the agent."""
        return public_key(self.ca_public or "")


class SshParams(GrantParams):
    """A resource's `grant` block. `host`, `port` and `user` stand in the line that people paste."""

    principals: Annotated[
        tuple[Annotated[str, AfterValidator(principal)], ...], Field(max_length=50)
    ]
    extensions: tuple[Extension, ...] = ("permit-pty",)
    source_addresses: Annotated[
        tuple[Annotated[str, AfterValidator(source)], ...], Field(max_length=50)
    ] = ()
    force_command: Word | None = None
    host: Annotated[str, AfterValidator(host_name)] | None = None
    port: int = Field(default=22, ge=1, le=65535)
    user: Annotated[str, AfterValidator(account)] | None = None

    @model_validator(mode="after")
    def _some_and_none_twice(self) -> Self:
        if not self.principals:
            raise ValueError("a certificate without principals would be for everybody: name some")
        if len(set(self.principals)) != len(self.principals):
            raise ValueError("a principal stands twice in principals")
        return self

    @property
    def options(self) -> list[tuple[str, str]]:
        """The critical options: what sshd has to understand to let anybody in."""
        sources = ",".join(self.source_addresses)
        found = {"force-command": self.force_command, "source-address": sources}
        return [(name, value) for name, value in found.items() if value]

    @property
    def goes_by_name(self) -> bool:
        return NAME in (*self.principals, self.user)

    def principals_of(self, name: str) -> tuple[str, ...]:
        """`name` is the person's, empty where nothing goes by it; it counts as one principal."""
        return tuple(dict.fromkeys(name if one == NAME else one for one in self.principals))

    def user_of(self, name: str) -> str:
        """Whom to log in as: the first principal where nothing is said."""
        user = self.principals_of(name)[0] if self.user is None else self.user
        return name if user == NAME else user


def name_of(person: Person, provider: str, kind: str) -> str:
    """The person's own name: what the policy says, else the e-mail; never a guess from it.

    Raises `RefusedError` for none, and for one that is no single principal.
    """
    name = person.names.get(provider) or person.names.get(kind) or person.email
    if not name:
        raise RefusedError(
            f"It is not known who {person.name or person.user} is on the hosts of {provider}:"
            f" the policy's people: block can say it, under {provider} or {kind}."
        )
    if not PRINCIPAL.fullmatch(name):
        raise RefusedError(
            f"{name!r} cannot be a principal on the hosts of {provider}: it has letters, digits and"
            f" _ . @ + - only. The policy's people: block can give another, under {provider}."
        )
    return name
