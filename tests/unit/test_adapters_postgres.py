"""What the postgres adapter decides without a server: its blocks, names and what people paste."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import conninfo
from pydantic import SecretStr, ValidationError

from adapters._postgres_entry import Entry, credential
from adapters._postgres_link import translated
from adapters.base import Caps, Credential, Order, Person, RefusedError, UnreachableError
from adapters.postgres import PostgresAdapter, PostgresParams, PostgresSettings

DSN = "postgresql://curfew_admin:adm1n-word@db.internal:6432/postgres?sslmode=require"
READS: Mapping[str, object] = {"roles": ["app_readonly"]}
EXISTING: Mapping[str, object] = {"roles": ["app_readonly"], "login": "existing"}


def adapter(dsn: str = DSN) -> PostgresAdapter:
    return PostgresAdapter("orders-pg", PostgresSettings(dsn=SecretStr(dsn)))


def order(params: Mapping[str, object], **person: object) -> Order:
    who = Person("U1", **{"email": "dana@example.com", **person})
    return Order("0123456789ab", "prod-db", params, who, datetime(2026, 1, 1, tzinfo=UTC))


def pasted(made: Credential) -> tuple[dict[str, object], dict[str, object], str]:
    """What libpq reads from the DSN and from the psql line, and the line's password."""
    dsn, psql = made.snippets
    assert (dsn.label, psql.label) == ("DSN", "psql")
    words = shlex.split(psql.text)
    assert words[1] == "psql"
    assert len(words) == 3
    return (
        conninfo.conninfo_to_dict(dsn.text),
        conninfo.conninfo_to_dict(words[2]),
        words[0].removeprefix("PGPASSWORD="),
    )


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(name=TEXT, password=TEXT)
def test_anything_survives_being_pasted(name: str, password: str) -> None:
    """Whatever stands in a database's name or a password, both snippets mean just that."""
    admin = conninfo.conninfo_to_dict(DSN)
    url, line, word = pasted(credential(admin, Entry(), name, "curfew_0123456789ab", password))
    expected = {
        "host": "db.internal",
        "port": "6432",
        "dbname": name,
        "user": "curfew_0123456789ab",
        "sslmode": "require",
    }
    assert line == expected
    assert word == password
    assert url == {**expected, "password": password}


@pytest.mark.parametrize(
    "dsn",
    [
        "host=/run/postgresql dbname=x",
        "host=a.example.com,b.example.com port=1,2 dbname=x",
        "postgresql://u@[::1]:5433/x",
        "hostaddr=192.0.2.7 dbname=x",
        "dbname=x",
    ],
)
def test_every_form_of_host_can_be_pasted(dsn: str) -> None:
    """Socket directories, several hosts and IPv6 addresses come out as libpq reads them."""
    admin = conninfo.conninfo_to_dict(dsn)
    url, line, _ = pasted(credential(admin, Entry(), None, "curfew_0123456789ab", "word"))
    host = admin.get("host") or admin.get("hostaddr")
    for read in (url, line):
        assert read.get("host") == host
        assert read["port"] == admin.get("port", "5432")
        assert read["dbname"] == "x"


def test_people_are_sent_where_the_block_says() -> None:
    """`connect` replaces the bot's own way in, and the grant's database comes before both."""
    admin = conninfo.conninfo_to_dict(DSN)
    entry = Entry(host="db.example.com", port=5432, dbname="orders")
    for database, expected in ((None, "orders"), ("stock", "stock")):
        url, line, _ = pasted(credential(admin, entry, database, "curfew_0123456789ab", "word"))
        for read in (url, line):
            assert (read["host"], read["port"], read["dbname"]) == (
                "db.example.com",
                "5432",
                expected,
            )
    assert "adm1n-word" not in "".join(
        s.text for s in credential(admin, entry, None, "r", "w").snippets
    )


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "roles"),
        ({"roles": []}, "at least 1"),
        ({"roles": "app_readonly"}, "tuple"),
        ({"roles": ["a", "a"]}, "twice"),
        ({"roles": ["a" * 64]}, "1 to 63 bytes"),
        ({"roles": ["ü" * 32]}, "1 to 63 bytes"),
        ({"roles": ["a\0"]}, "1 to 63 bytes"),
        ({"roles": ["public"]}, "cannot be given"),
        ({"roles": ["curfew_0123456789ab"]}, "cannot be given"),
        ({"roles": ["a", "b"], "login": "existing"}, "exactly one role"),
        ({"roles": ["a"], "login": "own"}, "temporary"),
        ({"roles": ["a"], "owners": "b"}, "Extra inputs"),
    ],
)
def test_a_wrong_grant_block_is_refused(params: Mapping[str, object], said: str) -> None:
    """Each mistake in a grant block is named before anybody can ask for it."""
    with pytest.raises(ValidationError, match=said):
        PostgresParams.model_validate(dict(params))


def test_a_wrong_dsn_is_not_repeated() -> None:
    """A DSN that cannot be read is refused without being shown, for it holds a password."""
    with pytest.raises(ValidationError, match="no PostgreSQL connection string") as caught:
        PostgresSettings(dsn=SecretStr("postgresql://admin:adm1n-word@db:port/x?nonsense=1"))
    assert "adm1n-word" not in str(caught.value)
    assert "adm1n-word" not in repr(adapter().settings)
    assert "adm1n-word" not in adapter().clean("FATAL: adm1n-word is not welcome")


@pytest.mark.parametrize(
    ("person", "login"),
    [
        ({"names": {"orders-pg": "dana_orders", "postgres": "dana"}}, "dana_orders"),
        ({"names": {"postgres": "dana"}}, "dana"),
        ({"names": {"ssh": "dana"}}, "dana@example.com"),
        ({}, "dana@example.com"),
    ],
)
def test_an_existing_login_is_never_guessed(person: dict[str, object], login: str) -> None:
    """The provider's name comes first, then the kind's, then the whole e-mail; never a part."""
    assert adapter().fact(order(EXISTING, **person)) == f"orders-pg:app_readonly:{login}"


@pytest.mark.parametrize(
    "person",
    [{"email": None}, {"names": {"postgres": "public"}}, {"names": {"postgres": "x" * 64}}],
)
def test_nobody_without_a_login_can_ask(person: dict[str, object]) -> None:
    """Who has no login there is told so as soon as the fact is asked for, with the way out."""
    with pytest.raises(RefusedError, match=r"people|cannot be a person's login"):
        adapter().fact(order(EXISTING, **person))


def test_capabilities_follow_the_block() -> None:
    """A temporary login can do everything; a membership claims nothing."""
    assert adapter().caps(READS) == PostgresAdapter.capabilities
    assert adapter().caps({}) == PostgresAdapter.capabilities
    assert adapter().caps(EXISTING) is Caps.NONE
    assert adapter().fact(order(READS)) is None


def test_cleanup_is_sql_to_paste() -> None:
    """A human gets the exact statements, quoted, for logins, orphans and memberships."""
    made = adapter()
    quoted = 'a"b'
    login = made.cleanup(order({"roles": [quoted]}))
    assert 'ALTER ROLE "curfew_0123456789ab" NOLOGIN' in login
    assert 'REASSIGN OWNED BY "curfew_0123456789ab" TO "a""b";' in login
    assert login.endswith('DROP ROLE "curfew_0123456789ab";')
    assert "TO CURRENT_USER" in made.cleanup(order({}))
    assert made.cleanup(order(EXISTING)) == 'REVOKE "app_readonly" FROM "dana@example.com";'


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (psycopg.errors.InsufficientPrivilege("permission denied"), RefusedError),
        (psycopg.errors.UndefinedObject('role "x" does not exist'), RefusedError),
        (psycopg.errors.ReadOnlySqlTransaction("read-only"), UnreachableError),
        (psycopg.errors.TooManyConnections("too many"), UnreachableError),
        (psycopg.errors.AdminShutdown("terminating"), UnreachableError),
        (psycopg.errors.LockNotAvailable("lock timeout"), UnreachableError),
        (psycopg.OperationalError("FATAL: password authentication failed"), RefusedError),
        (psycopg.OperationalError("connection refused"), UnreachableError),
        (psycopg.OperationalError('database "x" does not exist'), RefusedError),
        (psycopg.errors.ConnectionTimeout("timeout expired"), UnreachableError),
    ],
)
def test_errors_say_who_must_act(error: psycopg.Error, told: type[Exception]) -> None:
    """What a human must mend alarms at once; what time heals is tried again."""
    assert type(translated(error)) is told


def test_a_block_that_is_no_block_any_more_still_has_a_card() -> None:
    """What an older program took is shown with fewer words; nothing fails over it."""
    assert adapter().effects(READS).makes.startswith("a login for this grant alone")
    assert adapter().effects({"colour": "red"}).makes == f"access at {adapter().name}"
