"""What stands in the account before any test: people, roles, groups, secrets, an organisation."""

import json
from typing import Any

import boto3
from moto.ssoadmin.models import ssoadmin_backends

from tests.aws.names import (
    ACCOUNT,
    BOT,
    BOT_ARN,
    GROUPS,
    OUTSIDE,
    PEOPLE,
    REGION,
    SECRETS,
    SESSION_OF_ONESELF,
    STORE,
    secret_arn,
)
from tests.aws.rotation import held


def document(*actions: str, resource: str = "*", **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trusting(arn: str, condition: dict[str, Any], *actions: str) -> str:
    statement = {
        "Effect": "Allow",
        "Action": list(actions),
        "Principal": {"AWS": arn},
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def seed(url: str) -> dict[str, Any]:
    """Makes it all; the names and keys that tests need."""

    def client(service: str) -> Any:
        words = {"aws_access_key_id": "AKIAROOTROOTROOTROOT", "aws_secret_access_key": "root"}
        return boto3.client(service, region_name=REGION, endpoint_url=url, **words)

    iam = client("iam")
    keys = {}
    for name in (*PEOPLE, BOT):
        iam.create_user(UserName=name)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        keys[name] = [made["AccessKeyId"], made["SecretAccessKey"]]
    for name in PEOPLE:
        may = document("sts:AssumeRole", resource=f"arn:aws:iam::{ACCOUNT}:role/oncall")
        iam.put_user_policy(UserName=name, PolicyName="roles", PolicyDocument=may)
    for group, secret in GROUPS.items():
        iam.create_group(GroupName=group)
        may = document("secretsmanager:GetSecretValue", resource=secret_arn(secret))
        iam.put_group_policy(GroupName=group, PolicyName="reads", PolicyDocument=may)
    roles = {
        "oncall": trusting(ACCOUNT, SESSION_OF_ONESELF, "sts:AssumeRole"),
        "temporary": trusting(BOT_ARN, {}, "sts:AssumeRole", "sts:SetSourceIdentity"),
        "hub": trusting(BOT_ARN, {"StringEquals": {"sts:ExternalId": OUTSIDE}}, "sts:AssumeRole"),
    }
    for name, trust in roles.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    policies = []
    for secret in SECRETS:
        may = document("secretsmanager:GetSecretValue", resource=secret_arn(secret))
        made = iam.create_policy(PolicyName=f"reads-{secret}", PolicyDocument=may)
        policies.append(made["Policy"]["Arn"])
    _secrets(client("secretsmanager"))
    return {
        "keys": keys,
        "policies": policies,
        **_centre(client("sso-admin"), client("identitystore")),
    }


def _secrets(manager: Any) -> None:
    for name, user in SECRETS.items():
        words = {"username": user, "password": f"first password of {name}"}
        manager.create_secret(Name=name, SecretString=json.dumps(words))
        made = held().secrets[name]
        made.rotation_requested = made.rotation_enabled = True
        made.rotation_lambda_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rotate"
        made.auto_rotate_after_days, made.last_rotation_date = 30, 0


def _centre(sso: Any, store: Any) -> dict[str, Any]:
    # moto's own name for it is one that no real client could send
    ssoadmin_backends[ACCOUNT][REGION].instances[0].identity_store_id = STORE
    instance = sso.list_instances()["Instances"][0]
    arn, directory = instance["InstanceArn"], instance["IdentityStoreId"]
    users = {
        name: store.create_user(
            IdentityStoreId=directory,
            UserName=name,
            DisplayName=name,
            Name={"GivenName": name, "FamilyName": name},
            Emails=[{"Value": f"{name}@example.com", "Type": "work", "Primary": True}],
        )["UserId"]
        for name in PEOPLE
    }
    sets = []
    for number, each in enumerate(("reading", "writing", "third")):
        sso.create_permission_set(Name=each, InstanceArn=arn)
        made = ssoadmin_backends[ACCOUNT][REGION].permission_sets[number]
        # nor this one
        made.permission_set_arn = made.permission_set_arn.replace(":instance/", ":permissionSet/")
        sets.append(made.permission_set_arn)
    return {"instance": arn, "store": directory, "users": users, "sets": sets}
