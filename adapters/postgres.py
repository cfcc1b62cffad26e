"""Access to PostgreSQL: a login role for each grant, or a membership for a person's own login.

Rules that this adapter keeps:

- A login that we make has no password until credentials are asked for; each press makes a new one
  and the server sees only its SCRAM verifier.
- The server is always told the end (`VALID UNTIL`).
- Revoking shuts the door first, then ends sessions, then hands over what the login owns, then
  drops it. Each step may be the first one that a repeated call finds undone.
- With `login: existing` we give one membership and take away that one, never one that somebody
  else gave.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import psycopg
from psycopg import conninfo, errors
from pydantic import AfterValidator, Field, SecretStr, model_validator

from adapters import _postgres_life as life
from adapters import _postgres_members as members
from adapters import _postgres_rights as rights
from adapters import _postgres_sql as statements
from adapters._postgres_entry import Entry, credential
from adapters._postgres_link import Connection, Link, translated
from adapters.base import (
    Adapter,
    Caps,
    Credential,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    RefusedError,
    Session,
)

T = TypeVar("T")

NAME_LIMIT = 63
"""Bytes of a role's name that PostgreSQL keeps; it would cut a longer one silently."""

COMMENT_LIMIT = 200
_MARK = "curfew_"


def role_name(name: str) -> str:
    """A name that PostgreSQL takes whole and that is none of ours."""
    if not name or "\0" in name or len(name.encode()) > NAME_LIMIT:
        raise ValueError(f"a role's name has 1 to {NAME_LIMIT} bytes")
    if name.startswith(_MARK) or name in {"public", "none"}:
        raise ValueError(f"{name} cannot be given: it is no role of yours")
    return name


RoleName = Annotated[str, AfterValidator(role_name)]


class PostgresSettings(ProviderSettings):
    """The provider's block. `dsn` is the admin role's, direct to the server, not to a pooler."""

    dsn: SecretStr
    connect: Entry = Field(default_factory=Entry)
    connections: int = Field(default=8, ge=1, le=50)

    @model_validator(mode="after")
    def _dsn_is_one(self) -> Self:
        try:
            conninfo.conninfo_to_dict(self.dsn.get_secret_value())
        except psycopg.ProgrammingError:
            # the driver's own words would show the text, password and all
            raise ValueError(
                "dsn is no PostgreSQL connection string, such as"
                " postgresql://curfew_admin:password@db.example.com:5432/postgres"
            ) from None
        return self


class PostgresParams(GrantParams):
    """A resource's `grant` block."""

    roles: Annotated[tuple[RoleName, ...], Field(min_length=1, max_length=20)]
    login: Literal["temporary", "existing"] = "temporary"
    owner: RoleName | None = None
    database: str | None = Field(default=None, min_length=1, max_length=NAME_LIMIT)

    @model_validator(mode="after")
    def _one_fact(self) -> Self:
        if len(set(self.roles)) != len(self.roles):
            raise ValueError("a role stands twice in roles")
        if self.login == "existing" and len(self.roles) > 1:
            # two resources that share one of several roles would take it from each other
            raise ValueError("login: existing takes exactly one role; make one that has the others")
        return self

    @property
    def heir(self) -> str:
        """Who gets what a temporary login owned."""
        return self.owner or self.roles[0]


class PostgresAdapter(Adapter):
    """See the module. Needs the rights that `docs/adapters/postgres.md` lists."""

    kind: ClassVar[str] = "postgres"
    capabilities: Caps = (
        Caps.PER_GRANT
        | Caps.NATIVE_EXPIRY
        | Caps.ENDS_SESSIONS
        | Caps.ISSUES_CREDENTIALS
        | Caps.LISTS_OWNED
        | Caps.WATCHES_SESSIONS
    )
    settle: ClassVar[timedelta] = timedelta(seconds=10)
    forms: ClassVar[Mapping[str, Caps]] = {"login: existing": Caps.NONE}
    Settings: ClassVar[type[ProviderSettings]] = PostgresSettings
    Params: ClassVar[type[GrantParams]] = PostgresParams

    settings: PostgresSettings

    def __init__(self, name: str, settings: PostgresSettings, *, call_limit: float = 10.0) -> None:
        """As the base; keeps up to `connections` connections open between calls."""
        super().__init__(name, settings, call_limit=call_limit)
        dsn = settings.dsn.get_secret_value()
        self._admin = conninfo.conninfo_to_dict(dsn)
        if password := self._admin.get("password"):
            self._secrets = (*self._secrets, str(password))
        self._link = Link(dsn, size=settings.connections, call_limit=call_limit)

    def caps(self, params: Mapping[str, Any]) -> Caps:
        """None of them for a membership: it has no mark, no end of its own and no password."""
        return Caps.NONE if params.get("login") == "existing" else self.capabilities

    def makes(self, params: Mapping[str, Any]) -> str:
        """By its form, with the roles of the block."""
        block = PostgresParams.model_validate(dict(params))
        roles = ", ".join(block.roles)
        if block.login == "existing":
            return f"membership in {roles} for the person's own login"
        return f"a login for this grant alone, member of {roles}"

    def cleanup(self, order: Order) -> str:
        """SQL to paste into psql as the admin role."""
        if self._is_membership(order):
            return rights.cleanup_of_membership(self._params(order).roles[0], self._member(order))
        heir = self._params(order).heir if order.params else None
        return rights.cleanup_of_login(order.mark_underscored, heir)

    async def aclose(self) -> None:
        """Closes the kept connections."""
        await self._link.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        return await self._ask(rights.missing_for_provider)

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        wanted = PostgresParams.model_validate(dict(params))
        heir = wanted.heir if wanted.login == "temporary" else None
        return await self._ask(lambda c: rights.missing_for_roles(c, wanted.roles, heir))

    async def _counterpart(self, order: Order) -> str | None:
        if not self._is_membership(order):
            return None
        try:
            member = self._member(order)
        except RefusedError as error:
            return str(error)
        if await self._ask(lambda c: members.is_login(c, member)):
            return None
        return (
            f"There is no login {member} in {self.name}: make it there, or say under people: in the"
            f" policy what the person's login is, under {self.name} or {self.kind}."
        )

    async def _grant(self, order: Order) -> None:
        params = self._params(order)
        if self._is_membership(order):
            member = self._member(order)
            await self._ask(
                lambda c: life.give_membership(c, params.roles[0], member, limit=self.call_limit)
            )
        else:
            await self._ask(
                lambda c: life.give_login(
                    c,
                    order.mark_underscored,
                    params.roles,
                    until=order.expires_at,
                    comment=f"{order.mark} {order.resource}"[:COMMENT_LIMIT],
                    limit=self.call_limit,
                )
            )

    async def _revoke(self, order: Order) -> None:
        if self._is_membership(order):
            role, member = self._params(order).roles[0], self._member(order)
            await self._ask(lambda c: life.take_membership(c, role, member))
        else:
            mark = order.mark_underscored
            heir = self._params(order).heir if order.params else None
            await self._ask(lambda c: life.take_login(self._link, c, mark, heir))

    async def _verify(self, order: Order) -> Presence:
        if self._is_membership(order):
            role, member = self._params(order).roles[0], self._member(order)
            givers = await self._ask(lambda c: members.givers_of(c, role, member))
            return Presence.PRESENT if givers else Presence.ABSENT
        login = await self._ask(lambda c: statements.login_of(c, order.mark_underscored))
        if login is None:
            return Presence.ABSENT
        wanted = self._params(order).roles if order.params else ()
        return Presence.PRESENT if login.open and login.roles >= set(wanted) else Presence.PARTIAL

    async def _issue(self, order: Order) -> Credential:
        role, password = order.mark_underscored, secrets.token_urlsafe(24)
        try:
            opens = await self._ask(lambda c: statements.set_password(c, role, password))
        except RefusedError as error:
            if isinstance(error.__cause__, errors.UndefinedObject):
                opens = False
            else:
                raise
        if not opens:
            raise RefusedError("There is no access to log in with: it ended or was never given.")
        database = self._params(order).database if order.params else None
        return credential(self._admin, self.settings.connect, database, role, password)

    async def _owned(self) -> frozenset[str]:
        names = await self._ask(statements.marked_logins)
        return frozenset(name.removeprefix(_MARK) for name in names)

    async def _sessions(self, order: Order) -> tuple[Session, ...]:
        rows = await self._ask(lambda c: statements.sessions_of(c, order.mark_underscored))
        return tuple(
            Session(
                id=f"{pid}@{since.timestamp():.6f}", since=since, client=client, program=program
            )
            for pid, since, client, program in rows
        )

    def _fact(self, order: Order) -> str:
        return f"{self._params(order).roles[0]}:{self._member(order)}"

    # --- what they are made of ----------------------------------------------------------------

    async def _ask(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            return await self._link.run(work)
        except psycopg.Error as error:
            raise translated(error) from error

    @staticmethod
    def _is_membership(order: Order) -> bool:
        return order.params.get("login") == "existing"

    @staticmethod
    def _params(order: Order) -> PostgresParams:
        return PostgresParams.model_validate(dict(order.params))

    def _member(self, order: Order) -> str:
        """The person's own role: what the policy says, else the e-mail; never a guess from it."""
        names, person = order.person.names, order.person
        name = names.get(self.name) or names.get(self.kind) or person.email
        if not name:
            raise RefusedError(
                f"It is not known which login is {person.name or person.user}'s in {self.name}:"
                f" the policy's people: block can say it, under {self.name} or {self.kind}."
            )
        try:
            return role_name(name)
        except ValueError as error:
            raise RefusedError(f"{name!r} cannot be a person's login: {error}.") from None
