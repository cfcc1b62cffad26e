"""Where MariaDB and MySQL differ: their books of accounts and roles, and how passwords are set.

Placeholders in braces are filled with text that the driver quoted.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

MARK_PATTERN = "^curfew_[0-9a-hjkmnp-tv-z]{12}$"
"""The books compare names byte by byte, so a look-alike in capitals is none of ours."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """SQL of one family of servers. `accounts` gives host, locked and default role."""

    name: str
    oldest: tuple[int, int]
    accounts: str
    marked: str
    roles: str
    """Name of each role that an account has, and whether it may give it on."""
    known_role: str
    default_role: str
    kill_right: str
    kill: str | None
    """Ends all sessions of a name and says how many; None where each has to be looked up."""
    never: str
    """An account that no password opens; `{word}` is one that nobody ever learns."""
    opens: str
    """An account that `{word}` opens."""
    secret: Callable[[str], str]
    """What of a password is sent to the server."""


def native_verifier(word: str) -> str:
    """`mysql_native_password` as the server keeps it: nobody can log in with this alone."""
    inner = hashlib.sha1(word.encode(), usedforsecurity=False).digest()
    return f"*{hashlib.sha1(inner, usedforsecurity=False).hexdigest().upper()}"


MARIADB = Dialect(
    name="MariaDB",
    oldest=(10, 5),
    accounts=(
        "SELECT Host, JSON_VALUE(Priv, '$.account_locked') <=> '1',"
        " COALESCE(JSON_VALUE(Priv, '$.default_role'), '') FROM mysql.global_priv"
        " WHERE User = {name}"
    ),
    marked=f"SELECT DISTINCT User FROM mysql.global_priv WHERE User REGEXP '{MARK_PATTERN}'",
    roles="SELECT Role, Admin_option = 'Y' FROM mysql.roles_mapping WHERE User = {name}",
    known_role=(
        "SELECT 1 FROM mysql.global_priv WHERE User = {role}"
        " AND JSON_VALUE(Priv, '$.is_role') <=> '1'"
    ),
    default_role="SET DEFAULT ROLE {role} FOR {account}",
    kill_right="CONNECTION ADMIN",
    kill="KILL CONNECTION USER {name}",
    never="IDENTIFIED VIA mysql_native_password USING 'invalid'",
    opens="IDENTIFIED VIA mysql_native_password USING {word}",
    secret=native_verifier,
)

MYSQL = Dialect(
    name="MySQL",
    oldest=(8, 0),
    accounts=(
        "SELECT u.Host, u.account_locked = 'Y', COALESCE(d.DEFAULT_ROLE_USER, '')"
        " FROM mysql.user AS u LEFT JOIN mysql.default_roles AS d"
        " ON d.USER = u.User AND d.HOST = u.Host WHERE u.User = {name}"
    ),
    marked=(
        "SELECT DISTINCT User FROM mysql.user"
        f" WHERE REGEXP_LIKE(CONVERT(User USING utf8mb4), '{MARK_PATTERN}', 'c')"
    ),
    roles="SELECT FROM_USER, WITH_ADMIN_OPTION = 'Y' FROM mysql.role_edges WHERE TO_USER = {name}",
    known_role="SELECT 1 FROM mysql.user WHERE User = {role} AND Host = '%'",
    default_role="SET DEFAULT ROLE {role} TO {account}",
    kill_right="CONNECTION_ADMIN",
    kill=None,
    never="IDENTIFIED BY {word}",
    opens="IDENTIFIED BY {word}",
    secret=str,  # the server leaves it out of its logs
)


def dialect_of(version: str) -> Dialect:
    """By what the server says of itself."""
    return MARIADB if "MariaDB" in version else MYSQL


def number_of(version: str) -> tuple[int, int]:
    """The first two numbers of a version such as 5.5.5-10.11.19-MariaDB."""
    plain = version.removeprefix("5.5.5-") if "MariaDB" in version else version
    major, minor = plain.split("-", 1)[0].split(".")[:2]
    return int(major), int(minor)
