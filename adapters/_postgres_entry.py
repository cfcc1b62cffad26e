"""What a person pastes to log in to PostgreSQL."""

import re
import shlex
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field

from adapters.base import Credential, Snippet

_PLAIN = re.compile(r"[A-Za-z0-9_.,:/-]+")
_PASSED_ON = ("sslmode", "channel_binding")
"""Options of the admin's connection that people need too; its certificates are not theirs."""


class Entry(BaseModel):
    """Where people connect, when that is not where the bot does. Each part may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str | None = Field(default=None, min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)
    dbname: str | None = Field(default=None, min_length=1)


def credential(
    admin: Mapping[str, object], entry: Entry, database: str | None, role: str, password: str
) -> Credential:
    """A DSN and a psql line. What `entry` leaves open is as in the admin's connection."""
    place = {
        "host": entry.host or _text(admin, "host") or _text(admin, "hostaddr"),
        "port": str(entry.port or _text(admin, "port") or "5432"),
        "dbname": database or entry.dbname or _text(admin, "dbname") or "postgres",
        "user": role,
    }
    options = {key: value for key in _PASSED_ON if (value := _text(admin, key))}
    dsn = Snippet("DSN", _url(place, options, password))
    return Credential((dsn, Snippet("psql", _psql({**place, **options}, password))))


def _text(admin: Mapping[str, object], key: str) -> str:
    value = admin.get(key)
    return "" if value is None else str(value)


def _url(place: Mapping[str, str], options: Mapping[str, str], password: str) -> str:
    host, port = place["host"], place["port"]
    login = f"{quote(place['user'], safe='')}:{quote(password, safe='')}"
    query = dict(options)
    if host and not set(host) & set(",/"):
        server = f"[{host}]" if ":" in host else quote(host, safe=".-")
        server = f"{server}:{port}"
    else:  # a socket directory or several hosts: a URL has room for them only behind the ?
        server = ""
        query = {**({"host": host} if host else {}), "port": port, **query}
    tail = f"?{urlencode(query, quote_via=quote)}" if query else ""
    return f"postgresql://{login}@{server}/{quote(place['dbname'], safe='')}{tail}"


def _psql(parts: Mapping[str, str], password: str) -> str:
    words = " ".join(f"{key}={_conninfo_value(value)}" for key, value in parts.items() if value)
    # the password stands in the environment, where `ps` does not show it to others
    return f"PGPASSWORD={shlex.quote(password)} psql {shlex.quote(words)}"


def _conninfo_value(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
