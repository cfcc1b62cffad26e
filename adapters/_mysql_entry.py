"""What a person pastes to log in to MySQL."""

import shlex
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from adapters.base import Credential, Snippet

_DEMANDS = {
    "MariaDB": "--ssl --ssl-verify-server-cert",
    "MySQL": "--ssl-mode=VERIFY_IDENTITY",
}
"""The two families' clients have other words for the same thing."""


class Entry(BaseModel):
    """Where people connect, when that is not where the bot does. Each part may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str | None = Field(default=None, min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)


def credential(
    *, host: str, port: int, database: str | None, name: str, word: str, family: str, secure: bool
) -> Credential:
    """A URL and a line for the client program."""
    server = f"[{host}]" if ":" in host else quote(host, safe=".-")
    url = f"mysql://{name}:{quote(word, safe='')}@{server}:{port}/{quote(database or '', safe='')}"
    # --protocol: else `localhost` would mean a socket file of the person's own machine
    line = f"mysql --protocol=tcp --host={shlex.quote(host)} --port={port} --user={name}"
    if secure:
        line += f" {_DEMANDS[family]}"
    if database:
        line += f" --database={shlex.quote(database)}"
    # the password stands in the environment, where `ps` does not show it to others
    command = f"MYSQL_PWD={shlex.quote(word)} {line}"
    note = "The server asks for TLS; a certificate authority of your own is --ssl-ca=FILE."
    return Credential((Snippet("URL", url), Snippet("mysql", command)), note if secure else "")
