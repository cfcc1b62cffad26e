"""The stand-in for AWS is strict: what AWS refuses, it refuses, so that tests mean something."""

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.aws import policy
from tests.aws.account import CORE, Account
from tests.aws.names import BOT, REGION

CONTEXT = {"aws:CurrentTime": "2026-01-01T00:00:00", "aws:username": "dana", "aws:userid": None}


def refusal(url: str, key: tuple[str, str], service: str, operation: str, **params: object) -> str:
    """The code of the no."""
    client = CORE.create_client(
        service,
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )
    try:
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(**params)
    finally:
        client.close()
    return str(caught.value.response["Error"]["Code"])


def test_a_stranger_and_a_wrong_secret_are_refused(aws: Account) -> None:
    """Unknown keys, and known keys with another secret: each with AWS's own word."""
    key, _ = aws.key_of(BOT)
    who = {"UserName": "dana"}
    assert refusal(aws.door, ("AKIANOBODYNOBODYNOBO", "x"), "iam", "get_user", **who) == (
        "InvalidClientTokenId"
    )
    assert refusal(aws.door, (key, "another"), "iam", "get_user", **who) == "SignatureDoesNotMatch"
    assert refusal(aws.door, (key, "another"), "sso-admin", "list_instances") == (
        "SignatureDoesNotMatch"
    )


def test_what_the_model_does_not_know_is_refused(aws: Account) -> None:
    """Lacking members, wrong patterns and wrong lengths, though moto lets them through."""
    key, secret = aws.key_of("dana")
    me = (key, secret)
    assert refusal(aws.door, me, "iam", "put_user_policy", UserName="dana", PolicyName="p") == (
        "ValidationException"
    )
    assert refusal(aws.door, me, "iam", "get_user", UserName="d na") == "ValidationException"
    wrong = {"InstanceArn": "arn", "PermissionSetArn": aws.words["sets"][0]}
    asked = refusal(aws.door, me, "sso-admin", "describe_permission_set", **wrong)
    assert asked in {"ValidationException", "ValidationError"}
    assert refusal(aws.door, me, "s3", "list_buckets") != ""


def test_nobody_may_what_no_policy_says(aws: Account) -> None:
    """Dana reads no secret of her own accord."""
    me = (aws.key_of("dana")[0], aws.key_of("dana")[1])
    asked = refusal(aws.door, me, "secretsmanager", "get_secret_value", SecretId="orders")
    assert asked == "AccessDeniedException"


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a": "b"}}},
        {"Effect": "Allow", "Action": "*", "NotResource": "*"},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Extra": 1},
        {
            "Effect": "Allow",
            "Action": "*",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:unheard": "x"}},
        },
        {
            "Effect": "Allow",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:CurrentTime": "tomorrow"}},
        },
    ],
)
def test_the_evaluator_guesses_nothing(statement: dict[str, object]) -> None:
    """A part of the policy language that it does not speak is an error, not an answer."""
    document = {"Version": "2012-10-17", "Statement": [statement]}
    with pytest.raises((policy.UnknownToUsError, KeyError)):
        policy.allows([document], "s3:GetObject", "arn:aws:s3:::x", CONTEXT)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "Action": "s3:Put*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "Action": "S3:GETOBJECT", "Resource": "arn:aws:s3:::?"}], True),
        ([{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::y"}], False),
        (
            [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "*", "Resource": "*"},
            ],
            False,
        ),
        (
            [
                {
                    "Effect": "Allow",
                    "Action": "*",
                    "Resource": "*",
                    "Condition": {"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}},
                }
            ],
            False,
        ),
        (
            [
                {
                    "Effect": "Allow",
                    "Action": "*",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:userid": "x"}},
                }
            ],
            False,
        ),
        (
            [
                {
                    "Effect": "Allow",
                    "Action": "*",
                    "Resource": "*",
                    "Condition": {"StringNotEquals": {"aws:userid": "x"}},
                }
            ],
            True,
        ),
    ],
)
def test_the_evaluator_weighs_as_iam_does(
    statements: list[dict[str, object]],
    expected: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Deny wins; patterns are whole; an absent key fails what asks for it, never its negation."""
    document = {"Version": "2012-10-17", "Statement": statements}
    assert policy.allows([document], "s3:GetObject", "arn:aws:s3:::x", CONTEXT) is expected
