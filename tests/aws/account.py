"""The stand-in as tests use it: started once, looked at by moto's own eyes, steered from behind."""

import asyncio
import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from adapters.conformance import Weather
from tests.aws.names import REGION

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "adapters"
PATIENCE = 60.0
CORE = botocore.session.Session()


class Account:
    """One account in the stand-in."""

    def __init__(self, door: str, room: str, moto: str, words: dict[str, Any]) -> None:
        self.door, self.room, self.moto, self.words = door, room, moto, words
        self.ahead = timedelta(0)
        self.clients: dict[tuple[Any, ...], Any] = {}

    # --- as somebody with a key ---------------------------------------------------------------

    async def ask(
        self, key: tuple[str, ...], service: str, operation: str, **params: Any
    ) -> dict[str, Any] | None:
        """What AWS answers this key, through the door; None where it says that they may not."""
        return await asyncio.to_thread(self._ask, self.door, key, service, operation, params)

    async def root(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """The same at moto itself, which asks nobody who they are."""
        key = ("AKIAROOTROOTROOTROOT", "root")
        made = await asyncio.to_thread(self._ask, self.moto, key, service, operation, params)
        assert made is not None
        return made

    def key_of(self, name: str) -> tuple[str, ...]:
        return tuple(self.words["keys"][name])

    def _ask(
        self, url: str, key: tuple[str, ...], service: str, operation: str, params: dict[str, Any]
    ) -> dict[str, Any] | None:
        client = self._client(url, key, service)
        try:
            return dict(getattr(client, operation)(**params))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in {"AccessDenied", "AccessDeniedException", "ExpiredToken"}:
                raise
            return None
        finally:
            client.close()  # its sockets, which the suite counts; it can be used again

    def _client(self, url: str, key: tuple[str, ...], service: str) -> Any:
        name = (url, key, service)
        if name not in self.clients:
            self.clients[name] = CORE.create_client(
                service,
                region_name=REGION,
                endpoint_url=url,
                aws_access_key_id=key[0],
                aws_secret_access_key=key[1],
                aws_session_token=key[2] if len(key) > 2 else None,
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self.clients[name]

    # --- from the back room -------------------------------------------------------------------

    def steer(self, **said: Any) -> dict[str, Any]:
        """Sets what goes wrong; what the bot has used so far."""
        host = self.room.removeprefix("http://")
        line = http.client.HTTPConnection(host, timeout=PATIENCE)
        try:
            line.request("POST", "/", json.dumps(said))
            found: dict[str, Any] = json.load(line.getresponse())
        finally:
            line.close()
        return found

    @asynccontextmanager
    async def weather(self, kind: Weather) -> Any:
        """As a ground's."""
        await asyncio.to_thread(self.steer, weather=str(kind))
        try:
            yield
        finally:
            await asyncio.to_thread(self.steer, weather="")

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def until(self, moment: datetime) -> None:
        """Moves the account's clock instead of waiting for it."""
        self.ahead = max(self.ahead, moment - datetime.now(UTC) + timedelta(milliseconds=1))
        await asyncio.to_thread(self.steer, ahead=self.ahead.total_seconds())

    async def well(self) -> None:
        """The right time, no faults."""
        self.ahead = timedelta(0)
        await asyncio.to_thread(self.steer, ahead=0, centre={}, rotation={}, weather="")

    async def lines(self) -> frozenset[str]:
        """Users, roles and groups with all that they hold."""
        found = await self.root(
            "iam", "get_account_authorization_details", Filter=["User", "Role", "Group"]
        )
        kinds = ("UserDetailList", "RoleDetailList", "GroupDetailList")
        return frozenset(line for kind in kinds for each in found[kind] for line in lines(each))


def lines(detail: dict[str, Any]) -> Iterator[str]:
    """One for the thing itself, and one for each that it holds."""
    lists = {name: value for name, value in detail.items() if isinstance(value, list)}
    bare = {k: v for k, v in detail.items() if k not in lists and k != "RoleLastUsed"}
    yield json.dumps(bare, default=str, sort_keys=True)
    for name, held in lists.items():
        for each in held:
            yield json.dumps([detail["Arn"], name, each], default=str, sort_keys=True)


def documented(page: str) -> dict[str, Any]:
    """The policy that the page gives for the bot: what is tested is that."""
    text = re.findall(
        r"^```json\n(.*?)^```$", (PAGES / page).read_text(), re.MULTILINE | re.DOTALL
    )[0]
    found: dict[str, Any] = json.loads(text)
    return found


def actions_of(policy: dict[str, Any]) -> set[str]:
    return {action for each in policy["Statement"] for action in each["Action"]}


@contextmanager
def account() -> Iterator[Account]:
    """The stand-in, running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.aws.standin"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        *urls, words = json.loads(process.stdout.readline())
        yield Account(*urls, words)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(PATIENCE)
