"""The AWS adapters beside bare boto3, in front of the stand-in of the tests.

The bare client does what the effect takes: it reads what must be read, and follows what Identity
Center takes on, as a careful script would. The stand-in is at its quickest.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from adapters.base import Adapter, Order
from bench.ring import CROWD, Ring
from tests.aws.account import CORE, Account, account
from tests.aws.names import REGION, STORE
from tests.conformance.aws_iam_ground import AwsGround, IamGround
from tests.conformance.aws_identity_center_ground import POLL, CentreGround
from tests.conformance.aws_secrets_manager_ground import SecretsGround
from tests.conformance.aws_sts_ground import StsGround

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]})


def client(ground: AwsGround, service: str) -> Any:
    """As a script has it, but for the retries, which ours has not either."""
    words = ground.settings()
    return CORE.create_client(
        service,
        region_name=REGION,
        endpoint_url=words["endpoint_url"],
        aws_access_key_id=words["access_key_id"],
        aws_secret_access_key=words["secret_access_key"].get_secret_value(),
        config=Config(retries={"total_max_attempts": 1}),
    )


@asynccontextmanager
async def _ring(
    make: Callable[[Account], AwsGround],
    acts: Callable[[AwsGround], tuple[Any, Any]],
    order: Callable[[AwsGround, int], Order],
    needed: tuple[int, int],
    furnish: Callable[[AwsGround], Awaitable[None]] | None = None,
) -> AsyncIterator[Ring]:
    with account() as made:
        ground = make(made)
        await ground.prepared()
        if furnish:
            await furnish(ground)
        give, take = acts(ground)

        def adapter(port: int) -> Adapter:
            moved = make(made)
            moved.extra = {**moved.extra, "endpoint_url": f"http://127.0.0.1:{port}"}
            return moved.connect(call_limit=60.0)

        port = int(made.door.rpartition(":")[2])
        yield Ring(port, adapter, partial(order, ground), give, take, needed)


def _iam(ground: AwsGround) -> tuple[Any, Any]:
    iam = client(ground, "iam")

    async def give(order: Order) -> None:
        iam.put_user_policy(UserName="dana", PolicyName=order.mark, PolicyDocument=POLICY)

    async def take(order: Order) -> None:
        iam.delete_user_policy(UserName="dana", PolicyName=order.mark)

    return give, take


def _sts(ground: AwsGround) -> tuple[Any, Any]:
    iam, role = client(ground, "iam"), {"RoleName": "temporary"}

    async def give(order: Order) -> None:
        with suppress(ClientError):  # looked for, because whoever has a session keeps it
            iam.get_role_policy(PolicyName=order.mark, **role)
        iam.put_role_policy(PolicyName=order.mark, PolicyDocument=POLICY, **role)

    async def take(order: Order) -> None:
        iam.delete_role_policy(PolicyName=order.mark, **role)

    return give, take


def _secrets(ground: AwsGround) -> tuple[Any, Any]:
    manager = client(ground, "secretsmanager")

    async def give(order: Order) -> None:
        name = {"SecretId": order.params["secret"]}
        assert not manager.describe_secret(**name).get("Tags")
        manager.tag_resource(Tags=[{"Key": order.mark, "Value": "x"}], **name)
        assert len(manager.describe_secret(**name)["Tags"]) == 1

    async def take(order: Order) -> None:
        name = {"SecretId": order.params["secret"]}
        assert manager.describe_secret(**name)["Tags"]
        manager.untag_resource(TagKeys=[order.mark], **name)

    return give, take


def _centre(ground: AwsGround) -> tuple[Any, Any]:
    sso, store = client(ground, "sso-admin"), client(ground, "identitystore")
    instance = {"InstanceArn": ground.account.words["instance"]}
    known: dict[str, str] = {}

    def change(order: Order) -> dict[str, Any]:
        name = order.person.names["aws"]
        if name not in known:
            found = {"AttributePath": "userName", "AttributeValue": name}
            known[name] = store.get_user_id(
                IdentityStoreId=STORE, AlternateIdentifier={"UniqueAttribute": found}
            )["UserId"]
        return {
            **instance,
            "TargetId": order.params["account"],
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": order.params["permission_set"],
            "PrincipalType": "USER",
            "PrincipalId": known[name],
        }

    def is_listed(about: Mapping[str, Any]) -> bool:
        found = sso.list_account_assignments_for_principal(
            PrincipalId=about["PrincipalId"],
            PrincipalType="USER",
            Filter={"AccountId": about["TargetId"]},
            **instance,
        )
        return bool(found["AccountAssignments"])

    async def follow(word: str, about: Mapping[str, Any], *, wanted: bool) -> None:
        noun = f"AccountAssignment{word}"
        verb = {"Creation": "create", "Deletion": "delete"}[word]
        said = getattr(sso, f"{verb}_account_assignment")(**about)[f"{noun}Status"]
        describe = getattr(sso, f"describe_account_assignment_{word.lower()}_status")
        while said["Status"] == "IN_PROGRESS":
            await asyncio.sleep(POLL)
            request = {f"{noun}RequestId": said["RequestId"]}
            said = describe(**request, **instance)[f"{noun}Status"]
        while is_listed(about) is not wanted:
            await asyncio.sleep(POLL)

    async def give(order: Order) -> None:
        about = change(order)
        assert not is_listed(about)
        await follow("Creation", about, wanted=True)

    async def take(order: Order) -> None:
        await follow("Deletion", change(order), wanted=False)

    return give, take


async def _people(ground: AwsGround) -> None:
    """A user for each grant of the crowd: an assignment is one person's alone."""
    for number in range(CROWD):
        await ground.account.root(
            "identitystore",
            "create_user",
            IdentityStoreId=STORE,
            UserName=f"u{number}",
            DisplayName="u",
            Name={"GivenName": "u", "FamilyName": "u"},
        )
    await asyncio.to_thread(ground.account.steer, centre={"takes": 0, "lag": 0})


async def _many_secrets(ground: AwsGround) -> None:
    """A secret for each grant of the crowd: it is had alone."""
    for number in range(CROWD):
        await ground.account.root(
            "secretsmanager", "create_secret", Name=f"stock-{number:06}", SecretString="{}"
        )
    policy = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]})
    await ground.account.root(
        "iam",
        "put_user_policy",
        UserName="curfew-bot",
        PolicyName="documented",
        PolicyDocument=policy,
    )


def _plain(ground: AwsGround, number: int) -> Order:
    del number
    return ground.order()


def _someone_s(ground: AwsGround, number: int) -> Order:
    person = replace(ground.person(), names={"aws": f"u{number % CROWD}"})
    return ground.order(person=person)


def _one_secret(ground: AwsGround, number: int) -> Order:
    return replace(ground.order(), params={"secret": f"stock-{number % CROWD:06}"})


AWS_RINGS = {
    "aws_iam": partial(_ring, partial(IamGround, form="user"), _iam, _plain, (1, 1)),
    "aws_identity_center": partial(
        _ring, partial(CentreGround, end_sessions=False), _centre, _someone_s, (5, 3), _people
    ),
    "aws_secrets_manager": partial(
        _ring, SecretsGround, _secrets, _one_secret, (3, 2), _many_secrets
    ),
    "aws_sts": partial(_ring, partial(StsGround, form="allow"), _sts, _plain, (2, 1)),
}
"""Round trips: Identity Center's first look-up of a person counts; the two before a change keep
what was there before us, and that nobody else has the secret; the last is the look that proves it.
"""
