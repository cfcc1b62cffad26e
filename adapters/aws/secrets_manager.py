"""Check-out of a secret in AWS Secrets Manager: one person at a time, and a new secret afterwards.

Rules that this adapter keeps:

- A tag on the secret, named after the mark, says whose it is. While one is there, nobody else gets
  the secret; who has it by their own rights in AWS is not hindered.
- Before the value is read the tag says which version was shown. Whatever happens then, that version
  is rotated away: before the value is shown once more, and before the tag goes.
- The tag goes only after the rotation, so nobody is next who would see what the former has seen.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field

from adapters.aws._account import AwsSettings, fitting
from adapters.aws._documents import marked_id
from adapters.aws._errors import code_of
from adapters.aws._link import Answer, Aws, Calls, Turn
from adapters.aws._rights import Asked, missing
from adapters.base import (
    Adapter,
    Caps,
    Credential,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    RefusedError,
    Snippet,
)

SERVICE: Final = "secretsmanager"
WAITING: Final = "not shown yet"
SHOWN: Final = "shown: "
AGAIN: Final = 5.0
"""Seconds after which a rotation is looked at again."""

SecretName = Annotated[
    str,
    AfterValidator(
        fitting(
            r"[A-Za-z0-9/_+=.@!-]{1,512}|arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+",
            "a secret is named like prod/orders, or by its ARN",
        )
    ),
]


class SecretsManagerSettings(AwsSettings):
    """The provider's block. `poll_every` is in seconds."""

    poll_every: float = Field(default=1.0, ge=0.02, le=30)


class SecretsManagerParams(GrantParams):
    """A resource's `grant` block."""

    secret: SecretName


class SecretsManagerAdapter(Adapter):
    """See the module. Needs the rights that `docs/adapters/aws_secrets_manager.md` lists."""

    kind: ClassVar[str] = "aws_secrets_manager"
    capabilities: Caps = Caps.PER_GRANT | Caps.ISSUES_CREDENTIALS | Caps.LISTS_OWNED
    is_exclusive: ClassVar[bool] = True
    settle: ClassVar[timedelta] = timedelta(seconds=30)
    Settings: ClassVar[type[ProviderSettings]] = SecretsManagerSettings
    Params: ClassVar[type[GrantParams]] = SecretsManagerParams

    settings: SecretsManagerSettings

    def __init__(
        self, name: str, settings: SecretsManagerSettings, *, call_limit: float = 10.0
    ) -> None:
        """As the base; keeps up to `connections` threads and connections."""
        super().__init__(name, settings, call_limit=call_limit)
        self._aws = Aws(name, settings, call_limit=call_limit)

    def makes(self, params: Mapping[str, Any]) -> str:
        """The secret, and what happens to it."""
        secret = SecretsManagerParams.model_validate(dict(params)).secret
        return f"the secret {secret} for one person at a time, changed when it is given back"

    def cleanup(self, order: Order) -> str:
        """Lines for the AWS command line."""
        secret = order.params.get("secret")
        about = f"--secret-id {secret or 'SECRET'}"
        lines = [
            f"aws secretsmanager rotate-secret {about}",
            "# when that is done:",
            f"aws secretsmanager untag-resource {about} --tag-keys {order.mark}",
        ]
        if secret is None:
            filters = f"--filters Key=tag-key,Values={order.mark}"
            lines.insert(0, f"# which secret has it: aws secretsmanager list-secrets {filters}")
        return "\n".join(lines)

    async def aclose(self) -> None:
        """Closes threads and connections."""
        await self._aws.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        asked = Asked(SERVICE, "list_secrets", {"MaxResults": 1})
        return await self._aws.turn().run(partial(missing, asked=[asked]))

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        secret = SecretsManagerParams.model_validate(dict(params)).secret
        return await self._aws.turn().run(lambda calls: _lacking(calls, secret))

    async def _grant(self, order: Order) -> None:
        secret = self._secret(order)
        await self._aws.turn(secret).run(lambda calls: _checked_out(calls, secret, order.mark))

    async def _revoke(self, order: Order) -> None:
        secret = order.params.get("secret")
        for each in [secret] if secret else await self._aws.turn().run(_tagged):
            await self._given_back(each, order.mark)

    async def _verify(self, order: Order) -> Presence:
        secret = order.params.get("secret")
        if secret is None:
            owned = await self._aws.turn().run(_owned)
            return Presence.PARTIAL if order.mark in owned else Presence.ABSENT
        found = await self._aws.turn(secret).run(lambda calls: _described(calls, secret))
        return Presence.PRESENT if order.mark in _tags(found) else Presence.ABSENT

    async def _issue(self, order: Order) -> Credential:
        secret = self._secret(order)
        turn = self._aws.turn(secret)
        found = await turn.run(lambda calls: _described(calls, secret))
        if order.mark not in _tags(found):
            raise RefusedError("The secret is not checked out: that ended or was never given.")
        found = await self._rotated(turn, secret, order.mark, found)
        value = await turn.run(lambda calls: _shown(calls, secret, order.mark, _current(found)))
        note = "Shown once: the next press changes it first. It is changed when access ends."
        return Credential((Snippet(secret, value),), note)

    async def _owned(self) -> frozenset[str]:
        owned = await self._aws.turn().run(_owned)
        return frozenset(grant for mark in owned if (grant := marked_id(mark)))

    def _fact(self, order: Order) -> str:
        return self._secret(order)

    # --- what they are made of ----------------------------------------------------------------

    @staticmethod
    def _secret(order: Order) -> str:
        return SecretsManagerParams.model_validate(dict(order.params)).secret

    async def _given_back(self, secret: str, mark: str) -> None:
        turn = self._aws.turn(secret)
        found = await turn.run(lambda calls: _described(calls, secret))
        if mark not in _tags(found):
            return
        await self._rotated(turn, secret, mark, found)
        await turn.run(
            lambda calls: calls.found(SERVICE, "untag_resource", SecretId=secret, TagKeys=[mark])
        )

    async def _rotated(
        self, turn: Turn, secret: str, mark: str, found: Answer | None
    ) -> Answer | None:
        """The secret as it is when the version that was shown is the current one no more.

        Raises `PendingError` while the rotation takes longer than the call may.
        """
        asked = False
        while found and _tags(found)[mark] == SHOWN + _current(found):
            if not asked and not _is_rotating(found):
                asked = True
                await turn.run(partial(_rotate, secret=secret, mark=mark, found=found))
            waiting = f"the secret {secret} is still being rotated"
            await turn.pause(self.settings.poll_every, waiting, retry_after=AGAIN)
            found = await turn.run(lambda calls: _described(calls, secret))
            if mark not in _tags(found):  # given back meanwhile, by another call
                return found
        return found


def _described(calls: Calls, secret: str) -> Answer | None:
    return calls.found(SERVICE, "describe_secret", SecretId=secret)


def _tags(found: Answer | None) -> dict[str, str]:
    """Ours, by their marks; a look-alike is nobody's check-out."""
    held = (found or {}).get("Tags") or []
    return {each["Key"]: each["Value"] for each in held if marked_id(each["Key"])}


def _current(found: Answer | None) -> str:
    stages = (found or {}).get("VersionIdsToStages") or {}
    return next((version for version, names in stages.items() if "AWSCURRENT" in names), "")


def _is_rotating(found: Answer) -> bool:
    """As AWS decides it: a pending version that is not the current one."""
    stages = found.get("VersionIdsToStages") or {}
    return any("AWSPENDING" in names and "AWSCURRENT" not in names for names in stages.values())


def _checked_out(calls: Calls, secret: str, mark: str) -> None:
    """Tagged, and looked at again: of two programs that tag at once, none gets it."""
    found = _described(calls, secret)
    if found is None:
        raise RefusedError(f"Secrets Manager has no secret {secret}: create it, or name another.")
    if mark in _tags(found):
        return
    _refuse_second(found, secret, mark)
    calls(SERVICE, "tag_resource", SecretId=secret, Tags=[{"Key": mark, "Value": WAITING}])
    try:
        _refuse_second(_described(calls, secret), secret, mark)
    except RefusedError:
        calls(SERVICE, "untag_resource", SecretId=secret, TagKeys=[mark])
        raise


def _refuse_second(found: Answer | None, secret: str, mark: str) -> None:
    if others := sorted(set(_tags(found)) - {mark}):
        raise RefusedError(
            f"The secret {secret} is checked out ({others[0]}): ask again when it was given back."
        )


def _shown(calls: Calls, secret: str, mark: str, version: str) -> str:
    """The value, after the tag says that it was shown."""
    calls(SERVICE, "tag_resource", SecretId=secret, Tags=[{"Key": mark, "Value": SHOWN + version}])
    answer = calls(SERVICE, "get_secret_value", SecretId=secret, VersionId=version)
    value = answer.get("SecretString")
    if value is None:
        raise RefusedError(f"The secret {secret} is binary: it cannot be shown here.")
    try:
        return json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    except ValueError:
        return str(value)


def _rotate(calls: Calls, *, secret: str, mark: str, found: Answer) -> None:
    """Begun once for a version that was shown, however often it is asked for."""
    if not found.get("RotationEnabled"):
        raise RefusedError(
            f"The secret {secret} cannot be rotated: set up its rotation in Secrets Manager, or"
            " change it by hand and take the tag away."
        )
    token = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{mark}:{_current(found)}"))
    try:
        calls(SERVICE, "rotate_secret", SecretId=secret, ClientRequestToken=token)
    except RefusedError as error:
        if code_of(error) != "InvalidRequestException":  # one is under way already
            raise


def _tagged(calls: Calls) -> list[str]:
    """Secrets that may bear a mark of ours."""
    pages = calls.pages(
        SERVICE,
        "list_secrets",
        ("NextToken", "NextToken"),
        Filters=[{"Key": "tag-key", "Values": ["curfew-"]}],
    )
    return [each["ARN"] for page in pages for each in page["SecretList"]]


def _owned(calls: Calls) -> set[str]:
    """Looked at one by one: AWS's list may be minutes old, a single secret never is."""
    return {mark for secret in _tagged(calls) for mark in _tags(_described(calls, secret))}


def _lacking(calls: Calls, secret: str) -> list[str]:
    """Asks for no tags, for a tag that is not there, for a version that cannot be."""
    about, nobody = {"SecretId": secret}, str(uuid.uuid4())
    found = missing(calls, [Asked(SERVICE, "describe_secret", about)])
    if not found:
        described = _described(calls, secret)
        if described is None:
            return [f"Secrets Manager has no secret {secret}: create it, or name another."]
        if not described.get("RotationEnabled"):
            found.append(
                f"The secret {secret} has no rotation: set it up in Secrets Manager, or nobody can"
                " give the secret back."
            )
    asked = [
        Asked(SERVICE, "tag_resource", {**about, "Tags": []}),
        Asked(SERVICE, "untag_resource", {**about, "TagKeys": [nobody]}),
        Asked(SERVICE, "get_secret_value", {**about, "VersionId": nobody}),
    ]
    return found + missing(calls, asked)
