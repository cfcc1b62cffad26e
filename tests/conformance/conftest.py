"""The servers that the conformance tests run on; of PostgreSQL one of each version."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from sandbox.postgres import EmbeddedPostgres, debian_binaries, wheel_binaries
from tests.aws.account import Account, account
from tests.conformance import ldap_ground, mysql_ground
from tests.conformance.mariadb import MariaDB
from tests.conformance.postgres_ground import server
from tests.conformance.slapd import Slapd

T = TypeVar("T")


def servers() -> list[Path]:
    found = [wheel_binaries(18), debian_binaries(15)]
    return [binaries for binaries in found if binaries is not None]


@pytest.fixture(scope="package", params=servers(), ids=lambda path: f"pg-{path.parent.name}")
def postgres(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    with server(request.param) as made:
        yield made


@pytest.fixture(scope="package")
def aws() -> Iterator[Account]:
    with account() as made:
        yield made


@pytest.fixture(scope="package")
def mariadb() -> Iterator[MariaDB]:
    with _installed(mysql_ground.furnished()) as made:
        yield made


@pytest.fixture(scope="package")
def slapd() -> Iterator[Slapd]:
    with _installed(ldap_ground.furnished()) as made:
        yield made


@contextmanager
def _installed(server: AbstractContextManager[T]) -> Iterator[T]:
    """One server for all; a missing one is a failure in CI and a skip elsewhere."""
    try:
        with server as made:
            yield made
    except FileNotFoundError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
