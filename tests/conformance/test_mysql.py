"""The mysql adapter keeps every promise of the contract, on MariaDB."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import Conformance
from tests.conformance.mariadb import MariaDB
from tests.conformance.mysql_ground import MysqlGround


class TestMysql(Conformance):
    @pytest.fixture
    async def ground(self, mariadb: MariaDB) -> AsyncIterator[MysqlGround]:
        made = MysqlGround(mariadb)
        yield made
        await made.clear()
