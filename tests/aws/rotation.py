"""Rotation of secrets as it is with AWS: started now, done later by somebody else's function."""

import asyncio
import json
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from tests.aws.names import ACCOUNT, REGION
from tests.aws.wire import Call, RefusalError

TAKES = 0.1


def held() -> Any:
    return secretsmanager_backends[ACCOUNT][REGION]


def find(name: str) -> Any:
    for secret in held().secrets.values():
        if name in {secret.name, secret.arn}:
            return secret
    raise RefusalError(
        "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
    )


@dataclass
class Rotation:
    """`fails` leaves a rotation unfinished for ever, as a broken function does."""

    takes: float = TAKES
    fails: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def set(self, said: dict[str, Any]) -> None:
        self.takes = said.get("takes", TAKES)
        self.fails = bool(said.get("fails", False))

    async def answer(self, call: Call) -> dict[str, Any] | None:
        if call.service != "secretsmanager" or call.operation != "RotateSecret":
            return None
        secret = find(call.params["SecretId"])
        if not secret.rotation_enabled:
            raise RefusalError("InvalidRequestException", "No Lambda rotation function ARN is set.")
        stages = [set(each["version_stages"]) for each in secret.versions.values()]
        if any("AWSPENDING" in each and "AWSCURRENT" not in each for each in stages):
            raise RefusalError("InvalidRequestException", "A previous rotation isn't complete.")
        token = call.params.get("ClientRequestToken", str(uuid.uuid4()))
        words = json.loads(_current(secret)["secret_string"])
        words["password"] = secrets.token_urlsafe(18)
        secret.versions[token] = {
            **_current(secret),
            "version_id": token,
            "secret_string": json.dumps(words),
            "version_stages": ["AWSPENDING"],
        }
        if not self.fails:
            task = asyncio.get_running_loop().create_task(self._finish(secret, token))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return {"ARN": secret.arn, "Name": secret.name, "VersionId": token}

    async def _finish(self, secret: Any, token: str) -> None:
        await asyncio.sleep(self.takes)
        for version in secret.versions.values():
            if "AWSPREVIOUS" in version["version_stages"]:
                version["version_stages"].remove("AWSPREVIOUS")
        current = _current(secret)
        current["version_stages"] = ["AWSPREVIOUS"]
        secret.versions[token]["version_stages"] = ["AWSCURRENT"]
        secret.default_version_id = token


def _current(secret: Any) -> Any:
    [found] = [each for each in secret.versions.values() if "AWSCURRENT" in each["version_stages"]]
    return found
