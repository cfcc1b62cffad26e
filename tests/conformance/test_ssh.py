"""The ssh adapter keeps every promise of the contract, on Debian's sshd."""

import pytest

from adapters.conformance import Conformance
from tests.conformance.ssh_ground import SshGround
from tests.ssh_host import Host


@pytest.fixture
def ground(ssh_host: Host, request: pytest.FixtureRequest) -> SshGround:
    ssh_host.wipe()
    return SshGround(ssh_host, request.cls.form)


class TestCaInAFile(Conformance):
    form = "file"


class TestCaInAnAgent(Conformance):
    form = "agent"
