"""Access by membership of a group in an LDAP directory.

Rules that this adapter keeps:

- We give one membership and take away that one, never one that somebody else gave: each of ours has
  a mark beside it in the group.
- The password never travels in plain text unless the policy says so in a word.
- The directory has no end for a membership (Active Directory may be told one); the bot ends it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import urlsplit

from ldap3.core.exceptions import LDAPExceptionError, LDAPInvalidDnError
from ldap3.utils.dn import parse_dn
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters import _ldap_group as groups
from adapters._ldap_group import FORMS, Group, People
from adapters._ldap_link import AnswerError, Link, Login, Wire, translated
from adapters.base import (
    Adapter,
    Caps,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    RefusedError,
)

T = TypeVar("T")

PORTS = {"ldaps": 636, "ldap": 389}


def distinguished(text: str) -> str:
    """A distinguished name, as it was written."""
    try:
        parse_dn(text, strip=True)
    except LDAPInvalidDnError:
        raise ValueError(
            f"{text!r} is no distinguished name, such as cn=dba,ou=groups,dc=example,dc=com"
        ) from None
    return text


def same(text: str) -> str:
    """The same for all spellings of one distinguished name."""
    return ",".join(f"{kind}={value}".casefold() for kind, value, _ in parse_dn(text, strip=True))


Name = Annotated[str, Field(min_length=1), AfterValidator(distinguished)]
Attribute = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]


class PeopleSettings(BaseModel):
    """Where persons are in the directory, and what tells them apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: Name
    attribute: Attribute = "mail"
    filter: str = Field(default="(objectClass=*)", pattern=r"^\(.+\)$")
    login: Attribute = "uid"


class LdapSettings(ProviderSettings):
    """The provider's block."""

    url: str
    tls: Literal["starttls", "off"] | None = None
    ca: str | None = Field(default=None, min_length=1)
    bind_dn: Name
    password: SecretStr = Field(min_length=1)
    people: PeopleSettings
    marks: Attribute = "description"
    placeholder: Name | None = None
    connections: int = Field(default=4, ge=1, le=50)

    @model_validator(mode="after")
    def _is_secure_or_says_so(self) -> Self:
        try:
            parts = urlsplit(self.url)
            is_one = parts.scheme in PORTS and bool(parts.hostname) and parts.path in {"", "/"}
            is_one = is_one and not parts.username and parts.port != 0
        except ValueError:
            is_one = False
        if not is_one:
            raise ValueError(
                "a url is ldaps://host or ldap://host, with a port where it is another"
            )
        if parts.scheme == "ldaps" and self.tls is not None:
            raise ValueError("with ldaps:// leave tls out: it is TLS already")
        if parts.scheme == "ldap" and self.tls is None:
            raise ValueError(
                "by ldap:// alone the password travels in plain text: say tls: starttls, or"
                " tls: off if that is meant"
            )
        if self.tls == "off" and self.ca is not None:
            raise ValueError("with tls: off a ca is of no use")
        return self

    @property
    def login(self) -> Login:
        parts = urlsplit(self.url)
        return Login(
            host=parts.hostname or "",
            port=parts.port or PORTS[parts.scheme],
            tls=self.tls or "ldaps",
            ca=self.ca,
            name=self.bind_dn,
            password=self.password.get_secret_value(),
        )


class LdapParams(GrantParams):
    """A resource's `grant` block."""

    group: Name
    form: Literal["groupOfNames", "posixGroup", "active_directory"] = "groupOfNames"
    ttl: bool = False

    @model_validator(mode="after")
    def _ttl_is_known(self) -> Self:
        if self.ttl and self.form != "active_directory":
            raise ValueError(
                "only form: active_directory takes ttl: no other has an end of its own"
            )
        return self


class LdapAdapter(Adapter):
    """See the module. Needs the rights that `docs/adapters/ldap.md` lists."""

    kind: ClassVar[str] = "ldap"
    capabilities: Caps = Caps.NONE
    settle: ClassVar[timedelta] = timedelta(seconds=30)
    Settings: ClassVar[type[ProviderSettings]] = LdapSettings
    Params: ClassVar[type[GrantParams]] = LdapParams

    settings: LdapSettings

    def __init__(self, name: str, settings: LdapSettings, *, call_limit: float = 10.0) -> None:
        """As the base; keeps up to `connections` connections open between calls."""
        super().__init__(name, settings, call_limit=call_limit)
        self._people = People(
            base=settings.people.base,
            attribute=settings.people.attribute,
            wanted=settings.people.filter,
            login=settings.people.login,
        )
        self._link = Link(name, settings.login, size=settings.connections, call_limit=call_limit)

    def makes(self, params: Mapping[str, Any]) -> str:
        """A membership, in the group of the block."""
        return f"membership in {LdapParams.model_validate(dict(params)).group}"

    def cleanup(self, order: Order) -> str:
        """What to change in the group, for any LDAP client."""
        group = self._group(order)
        return (
            f"In {group.name}: find the value of {group.marks} that begins with {order.mark}; the"
            f" rest of it is the member. Delete that member from {group.form.attribute}, then the"
            f" value itself."
        )

    async def aclose(self) -> None:
        """Closes the kept connections and ends the threads."""
        await self._link.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        base = self._people.base

        def work(wire: Wire) -> list[str]:
            if wire.find(base, self._people.wanted, limit=1):
                return []
            return [
                f"Nobody is found below {base}: mend base or filter, or give the right to read."
            ]

        return await self._ask(work)

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        group = self._group_of(LdapParams.model_validate(dict(params)))
        return await self._ask(lambda wire: groups.missing(wire, group))

    async def _counterpart(self, order: Order) -> str | None:
        group, name = self._group(order), self._name(order)
        try:
            await self._ask(lambda wire: groups.member_of(wire, self._people, group.form, name))
        except RefusedError as error:
            if error.__cause__ is not None:  # the directory's no, not ours
                raise
            return str(error)
        return None

    async def _grant(self, order: Order) -> None:
        group, name, ttl = self._group(order), self._name(order), self._ttl(order)

        def work(wire: Wire) -> None:
            member = groups.member_of(wire, self._people, group.form, name)
            groups.give(wire, group, order.mark, member, ttl=ttl)

        await self._ask(work, mark=order.mark)

    async def _revoke(self, order: Order) -> None:
        group = self._group(order)
        await self._ask(lambda wire: groups.take(wire, group, order.mark), mark=order.mark)

    async def _verify(self, order: Order) -> Presence:
        group, name = self._group(order), self._name(order)
        return await self._ask(
            lambda wire: groups.look(wire, group, order.mark, self._people, name)
        )

    def _fact(self, order: Order) -> str:
        group = LdapParams.model_validate(dict(order.params)).group
        return f"{same(group)}:{self._name(order).casefold()}"

    # --- what they are made of ----------------------------------------------------------------

    async def _ask(self, work: Callable[[Wire], T], *, mark: str | None = None) -> T:
        try:
            return await self._link.run(work, mark=mark)
        except (AnswerError, LDAPExceptionError, OSError) as error:
            raise translated(error) from error

    def _group(self, order: Order) -> Group:
        return self._group_of(LdapParams.model_validate(dict(order.params)))

    def _group_of(self, params: LdapParams) -> Group:
        form = FORMS[params.form]
        return Group(params.group, form, self.settings.marks, self.settings.placeholder)

    def _ttl(self, order: Order) -> int | None:
        """Seconds until the end, where the directory is to be told."""
        if not LdapParams.model_validate(dict(order.params)).ttl:
            return None
        left = order.expires_at - datetime.now(UTC)
        return max(1, int(left.total_seconds()))

    def _name(self, order: Order) -> str:
        """What the policy says, else the e-mail; never a guess from it."""
        names, person = order.person.names, order.person
        name = names.get(self.name) or names.get(self.kind) or person.email
        if not name:
            raise RefusedError(
                f"It is not known who {person.name or person.user} is in {self.name}: the policy's"
                f" people: block can say it, under {self.name} or {self.kind}."
            )
        return name
