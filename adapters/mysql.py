"""Access to MySQL and MariaDB: an account for each grant, with a role or rights.

Rules that this adapter keeps:

- An account that we make opens to no password until credentials are asked for; each press makes a
  new one.
- Revoking locks the account first, then ends its connections, then drops it. Each step may be the
  first one that a repeated call finds undone.
- The server has no end for an account; the bot ends it.
"""

import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pymysql import err

from adapters import _mysql_life as life
from adapters import _mysql_rights as rights
from adapters import _mysql_sql as statements
from adapters._mysql_entry import Entry, credential
from adapters._mysql_link import Connection, Link, translated
from adapters._mysql_sql import Wanted
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

NAME_LIMIT = 64
"""Characters of a name in the server's books."""

_MARK = "curfew_"
_HOST = re.compile(r"[A-Za-z0-9_.:%/-]{1,255}")
_NAME = re.compile(r"[^\x00-\x1f./\\]+")

Right = Literal[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "ALTER",
    "INDEX",
    "REFERENCES",
    "TRIGGER",
    "CREATE VIEW",
    "SHOW VIEW",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "EXECUTE",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "EVENT",
]
OF_DATABASES = frozenset(
    {
        "CREATE TEMPORARY TABLES",
        "LOCK TABLES",
        "EXECUTE",
        "CREATE ROUTINE",
        "ALTER ROUTINE",
        "EVENT",
    }
)
"""Rights that no single table has."""


def role_name(name: str) -> str:
    """A name that the server takes whole and that is none of ours."""
    if not name or "\0" in name or len(name) > NAME_LIMIT:
        raise ValueError(f"a role's name has 1 to {NAME_LIMIT} characters")
    if name.startswith(_MARK) or name.casefold() in {"public", "none"}:
        raise ValueError(f"{name} cannot be given: it is no role of yours")
    return name


def where(name: str) -> str:
    """`database.*` or `database.table`."""
    database, dot, table = name.partition(".")
    names = (database, *(() if table == "*" else (table,)))
    if not dot or not all(_NAME.fullmatch(one) and len(one) <= NAME_LIMIT for one in names):
        raise ValueError("write database.* or database.table; names with dots cannot be given")
    if database == "*":
        raise ValueError("rights on everything cannot be given: name a database, or use a role")
    if database.casefold() in {"mysql", "sys", "performance_schema", "information_schema"}:
        raise ValueError(
            f"the database {database} holds the server's own books and cannot be given"
        )
    return name


def host_part(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("a host is a name, an address, or a pattern such as 10.0.% or %")
    return text


class MysqlSettings(ProviderSettings):
    """The provider's block. The login is the admin account's."""

    host: str = Field(min_length=1, max_length=255)
    port: int = Field(default=3306, ge=1, le=65535)
    user: str = Field(min_length=1, max_length=NAME_LIMIT)
    password: SecretStr
    tls: Literal["verify", "off"] = "verify"
    ca: str | None = Field(default=None, min_length=1)
    logins_from: Annotated[str, AfterValidator(host_part)] = "%"
    connect: Entry = Field(default_factory=Entry)
    connections: int = Field(default=8, ge=1, le=50)

    @model_validator(mode="after")
    def _ca_is_used(self) -> Self:
        if self.ca is not None and self.tls == "off":
            raise ValueError("with tls: off a ca is of no use")
        return self


class MysqlParams(GrantParams):
    """A resource's `grant` block."""

    role: Annotated[str, AfterValidator(role_name)] | None = None
    rights: dict[
        Annotated[str, AfterValidator(where)], Annotated[tuple[Right, ...], Field(min_length=1)]
    ] = Field(default_factory=dict, max_length=50)
    database: str | None = Field(default=None, min_length=1, max_length=NAME_LIMIT)

    @model_validator(mode="after")
    def _something_of_its_place(self) -> Self:
        if self.role is None and not self.rights:
            raise ValueError("give a role, or rights, or both")
        for spot, words in self.rights.items():
            of_databases = OF_DATABASES.intersection(words)
            if of_databases and not spot.endswith(".*"):
                raise ValueError(
                    f"only a whole database has the right {min(of_databases)}, not {spot}"
                )
        return self

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.role, self.rights)


class MysqlAdapter(Adapter):
    """See the module. Needs the rights that `docs/adapters/mysql.md` lists."""

    kind: ClassVar[str] = "mysql"
    capabilities: Caps = (
        Caps.PER_GRANT
        | Caps.ENDS_SESSIONS
        | Caps.ISSUES_CREDENTIALS
        | Caps.LISTS_OWNED
        | Caps.WATCHES_SESSIONS
    )
    settle: ClassVar[timedelta] = timedelta(seconds=10)
    Settings: ClassVar[type[ProviderSettings]] = MysqlSettings
    Params: ClassVar[type[GrantParams]] = MysqlParams

    settings: MysqlSettings

    def __init__(self, name: str, settings: MysqlSettings, *, call_limit: float = 10.0) -> None:
        """As the base; keeps up to `connections` connections open between calls."""
        super().__init__(name, settings, call_limit=call_limit)
        self._is_secure = settings.tls == "verify"
        self._link = Link(
            {
                "host": settings.host,
                "port": settings.port,
                "user": settings.user,
                "password": settings.password.get_secret_value(),
            },
            secure=self._is_secure,
            ca=settings.ca,
            size=settings.connections,
            call_limit=call_limit,
        )

    def makes(self, params: Mapping[str, Any]) -> str:
        """By the role and rights of the block."""
        block = MysqlParams.model_validate(dict(params))
        given = [f"the role {block.role}"] if block.role else []
        given += [f"{', '.join(words)} on {spot}" for spot, words in block.rights.items()]
        return f"a login for this grant alone, with {' and '.join(given)}"

    def cleanup(self, order: Order) -> str:
        """SQL to paste into the client as the admin account."""
        return rights.cleanup_of_account(order.mark_underscored, self.settings.logins_from)

    async def aclose(self) -> None:
        """Closes the kept connections."""
        await self._link.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        return await self._ask(rights.missing_for_provider)

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        wanted = MysqlParams.model_validate(dict(params)).wanted
        return await self._ask(lambda c: rights.missing_for_params(c, wanted))

    async def _grant(self, order: Order) -> None:
        name, wanted = order.mark_underscored, self._wanted(order)
        deadline = time.monotonic() + self.call_limit
        await self._ask(
            lambda c: statements.put_account(
                c,
                name,
                self.settings.logins_from,
                wanted,
                deadline=deadline,
                secure=self._is_secure,
            ),
            mark=order.mark,
        )

    async def _revoke(self, order: Order) -> None:
        name, host = order.mark_underscored, self.settings.logins_from
        await self._ask(lambda c: life.take_account(c, name, host), mark=order.mark)

    async def _verify(self, order: Order) -> Presence:
        name, wanted = order.mark_underscored, self._wanted(order)
        found = await self._ask(lambda c: statements.look(c, name, wanted))
        if found.open:
            return Presence.PRESENT
        return Presence.PARTIAL if found.hosts or found.sessions else Presence.ABSENT

    async def _issue(self, order: Order) -> Credential:
        name, word = order.mark_underscored, secrets.token_urlsafe(24)
        settings = self.settings

        async def work(connection: Connection) -> str | None:
            opens = await statements.set_password(connection, name, settings.logins_from, word)
            return connection.dialect.name if opens else None

        family = await self._ask(work, mark=order.mark)
        if family is None:
            raise RefusedError("There is no access to log in with: it ended or was never given.")
        return credential(
            host=settings.connect.host or settings.host,
            port=settings.connect.port or settings.port,
            database=MysqlParams.model_validate(dict(order.params)).database,
            name=name,
            word=word,
            family=family,
            secure=self._is_secure,
        )

    async def _owned(self) -> frozenset[str]:
        names = await self._ask(statements.marked)
        return frozenset(name.removeprefix(_MARK) for name in names)

    async def _sessions(self, order: Order) -> tuple[Session, ...]:
        """`since` is the last act before the first look: the server does not keep the beginning."""
        rows = await self._ask(lambda c: statements.sessions_of(c, order.mark_underscored))
        return tuple(
            Session(
                id=str(number),
                since=datetime.fromtimestamp(int(now) - int(idle or 0), UTC),
                client=str(client).rsplit(":", 1)[0],
            )
            for number, client, idle, now in rows
        )

    # --- what they are made of ----------------------------------------------------------------

    async def _ask(
        self, work: Callable[[Connection], Awaitable[T]], *, mark: str | None = None
    ) -> T:
        try:
            return await self._link.run(work, mark=mark)
        except err.MySQLError as error:
            raise translated(error) from error

    @staticmethod
    def _wanted(order: Order) -> Wanted:
        """Nothing in particular for an orphan: its account alone tells."""
        if not order.params:
            return Wanted(None, {})
        return MysqlParams.model_validate(dict(order.params)).wanted
