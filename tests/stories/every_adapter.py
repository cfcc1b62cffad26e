"""The adapters that the main job is played with: a row each.

A row starts the provider, once for all its stories, and says for each story how it is seen (the
`Ground` of its conformance tests) and what the policy and the environment say of it. To add one:
a function that yields a `Subject`, and a line in `ROWS`.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

from adapters.conformance import Ground
from adapters.demo import forget_worlds, world_of
from sandbox.postgres import EmbeddedPostgres, wheel_binaries
from tests.aws.account import Account, account
from tests.conformance import ldap_ground, mysql_ground, postgres_ground
from tests.conformance.aws_iam_ground import AwsGround, IamGround
from tests.conformance.aws_identity_center_ground import CentreGround
from tests.conformance.aws_secrets_manager_ground import SecretsGround
from tests.conformance.aws_sts_ground import StsGround
from tests.conformance.demo_ground import DemoGround
from tests.conformance.kubernetes_ground import KubernetesGround
from tests.conformance.ldap_ground import LdapGround
from tests.conformance.mariadb import MariaDB
from tests.conformance.mysql_ground import MysqlGround
from tests.conformance.okta_ground import OktaGround
from tests.conformance.postgres_ground import PostgresGround
from tests.conformance.slapd import Slapd
from tests.conformance.ssh_ground import SshGround
from tests.conformance.test_command import TOKEN, FolderGround
from tests.conformance.test_manual import ManualGround
from tests.conformance.vault_ground import VaultGround
from tests.conformance.webhook_ground import EVERYTHING, SECRET, WebhookGround
from tests.ssh_host import Host, host

PEOPLE: Final = {"dana": "dana@example.com"}


@dataclass(frozen=True, slots=True)
class Subject:
    """One provider in one story.

    `is_by_hand`: operators are asked, and the ground's `by_hand` is what they do.
    `provider` is its block in the policy, `adapter` included; secrets stand in it as `${NAME}` and
    in `given` by that name: nobody may read one of them anywhere afterwards.
    """

    ground: Ground
    provider: Mapping[str, Any]
    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_by_hand: bool = False

    @property
    def policy(self) -> str:
        """A policy with one resource, `target`: the ground's first block."""
        names = {
            address: dict(self.ground.person(name).names)
            for name, address in PEOPLE.items()
            if self.ground.person(name).names
        }
        return yaml.safe_dump(
            {
                "version": 1,
                "channels": {"approvals": "C0APPROVE", "audit": "C0AUDIT"},
                "admins": ["S0OPS"],
                "defaults": {"warn_before": "5m"},
                "providers": {"target": dict(self.provider)},
                "resources": {
                    "target": {
                        "provider": "target",
                        "grant": _plain(self.ground.block(0)),
                        "requesters": ["S0BACKEND"],
                        "approvers": ["S0DBA"],
                    }
                },
                **({"people": names} if names else {}),
            },
            sort_keys=False,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """`server` runs for all stories of the row; `subject` makes of it what one story needs."""

    name: str
    server: Callable[[], AbstractContextManager[Any]]
    subject: Callable[[Any], AbstractAsyncContextManager[Subject]]


@asynccontextmanager
async def _demo(_: None, *, shared: bool) -> AsyncIterator[Subject]:
    forget_worlds()
    ground = DemoGround(shared=shared)
    ground.world = world_of("target")
    yield Subject(ground, {"adapter": "demo"})
    forget_worlds()


@contextmanager
def _postgres_server() -> Iterator[EmbeddedPostgres]:
    with postgres_ground.server(wheel_binaries()) as made:
        yield made


@asynccontextmanager
async def _postgres(server: EmbeddedPostgres, *, login: str) -> AsyncIterator[Subject]:
    dsn = server.dsn("curfew_admin", postgres_ground.ADMIN_PASSWORD)
    provider = {"adapter": "postgres", "dsn": "${TARGET_DSN}"}
    yield Subject(PostgresGround(server, login), provider, {"TARGET_DSN": dsn})


@asynccontextmanager
async def _ldap(server: Slapd, *, form: str) -> AsyncIterator[Subject]:
    ground = LdapGround(server, form)
    provider = {
        "adapter": "ldap",
        **ground.settings().model_dump(mode="json", exclude={"password"}, exclude_none=True),
        "password": "${TARGET_PASSWORD}",
    }
    yield Subject(ground, provider, {"TARGET_PASSWORD": ldap_ground.ADMIN_PASSWORD})


@asynccontextmanager
async def _mysql(server: MariaDB) -> AsyncIterator[Subject]:
    ground = MysqlGround(server)
    provider = {
        "adapter": "mysql",
        **ground.settings().model_dump(mode="json", include={"host", "port", "user", "ca"}),
        "password": "${TARGET_PASSWORD}",
    }
    yield Subject(ground, provider, {"TARGET_PASSWORD": mysql_ground.ADMIN_PASSWORD})


@asynccontextmanager
async def _webhook(_: None, *, shared: bool) -> AsyncIterator[Subject]:
    ground = WebhookGround(shared=shared)
    await ground.open()
    can = list(EVERYTHING[-1:] if shared else EVERYTHING)
    provider = {"adapter": "webhook", "url": ground.url, "secret": "${TARGET_SECRET}", "can": can}
    yield Subject(ground, provider, {"TARGET_SECRET": SECRET})
    await ground.close()


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="curfew-command-") as folder:
        yield Path(folder)


@asynccontextmanager
async def _command(folder: Path) -> AsyncIterator[Subject]:
    ground = FolderGround(folder / secrets.token_hex(4))
    provider = {
        "adapter": "command",
        "program": str(ground.script),
        "environment": {"VPN_TOKEN": "${VPN_TOKEN}"},
        "can": ["per_grant", "lists_owned"],
    }
    yield Subject(ground, provider, {"VPN_TOKEN": TOKEN})


@asynccontextmanager
async def _aws(
    server: Account, *, ground: Callable[[Account], AwsGround]
) -> AsyncIterator[Subject]:
    made = ground(server)
    await made.prepared()
    secret = str(made.settings()["secret_access_key"].get_secret_value())
    settings = {**made.settings(), "secret_access_key": "${TARGET_SECRET}"}
    yield Subject(made, {"adapter": made.kind, **settings}, {"TARGET_SECRET": secret})
    await made.clear()


@asynccontextmanager
async def _manual(_: None) -> AsyncIterator[Subject]:
    yield Subject(ManualGround(), {"adapter": "manual"}, is_by_hand=True)


@asynccontextmanager
async def _ssh(server: Host, *, form: str) -> AsyncIterator[Subject]:
    server.wipe()
    ground = SshGround(server, form)
    yield Subject(ground, {"adapter": "ssh", **ground.given})


@asynccontextmanager
async def _okta(_: None) -> AsyncIterator[Subject]:
    async with OktaGround() as ground:
        provider = {"adapter": "okta", "url": ground.house.url, "token": "${TARGET_TOKEN}"}
        yield Subject(ground, provider, {"TARGET_TOKEN": ground.token})


@asynccontextmanager
async def _kubernetes(_: None, *, login: str) -> AsyncIterator[Subject]:
    async with KubernetesGround(login) as ground:
        provider = {"adapter": "kubernetes", "server": ground.house.url, "token": "${TARGET_TOKEN}"}
        yield Subject(ground, provider, {"TARGET_TOKEN": ground.house.bot_token})


AWS: Final[Mapping[str, Callable[[Account], AwsGround]]] = {
    "aws-iam-user": partial(IamGround, form="user"),
    "aws-iam-role": partial(IamGround, form="role"),
    "aws-iam-group": partial(IamGround, form="group"),
    "aws-identity-center": partial(CentreGround, end_sessions=False),
    "aws-identity-center-sessions": partial(CentreGround, end_sessions=True),
    "aws-secrets-manager": SecretsGround,
    "aws-sts": partial(StsGround, form="allow"),
    "aws-sts-policies": partial(StsGround, form="policies"),
}


@asynccontextmanager
async def _vault(_: None, *, form: str) -> AsyncIterator[Subject]:
    async with VaultGround(form) as ground:
        provider = {
            "adapter": "vault",
            "address": ground.house.url,
            "token": "${TARGET_TOKEN}",
            "people_from": "auth_oidc_1",
            "rotation": {"url": f"{ground.till.url}/rotate", "token": "${ROTATION_TOKEN}"},
        }
        given = {"TARGET_TOKEN": ground.bot_token, "ROTATION_TOKEN": ground.till.token}
        yield Subject(ground, provider, given)


ROWS: Final = (
    *(Row(name, account, partial(_aws, ground=ground)) for name, ground in AWS.items()),
    Row("command", _folder, _command),
    Row("demo", nullcontext, partial(_demo, shared=False)),
    Row("demo-shared", nullcontext, partial(_demo, shared=True)),
    Row("ldap", ldap_ground.furnished, partial(_ldap, form="groupOfNames")),
    Row("ldap-posix", ldap_ground.furnished, partial(_ldap, form="posixGroup")),
    Row("kubernetes", nullcontext, partial(_kubernetes, login="temporary")),
    Row("kubernetes-existing", nullcontext, partial(_kubernetes, login="existing")),
    Row("manual", nullcontext, _manual),
    Row("mysql", mysql_ground.furnished, _mysql),
    Row("okta", nullcontext, _okta),
    Row("postgres", _postgres_server, partial(_postgres, login="temporary")),
    Row("postgres-existing", _postgres_server, partial(_postgres, login="existing")),
    Row("vault-token", nullcontext, partial(_vault, form="token")),
    Row("vault-creds", nullcontext, partial(_vault, form="creds")),
    Row("vault-group", nullcontext, partial(_vault, form="group")),
    Row("vault-secret", nullcontext, partial(_vault, form="secret")),
    Row("webhook", nullcontext, partial(_webhook, shared=False)),
    Row("webhook-shared", nullcontext, partial(_webhook, shared=True)),
    Row("ssh", host, partial(_ssh, form="file")),
    Row("ssh-agent", host, partial(_ssh, form="agent")),
)


def _plain(block: object) -> object:
    """Lists and dictionaries, as YAML writes them."""
    if isinstance(block, Mapping):
        return {str(key): _plain(value) for key, value in block.items()}
    return [_plain(one) for one in block] if isinstance(block, list | tuple) else block
