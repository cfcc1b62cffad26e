"""The AWS adapters without AWS: what blocks may say, and what errors and pages mean."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore import exceptions as boto
from pydantic import ValidationError

from adapters import registry
from adapters._threads import Threads
from adapters.aws._account import AwsSettings
from adapters.aws._documents import allowing, end_of, listed, marked_id, sid_of
from adapters.aws._errors import translated
from adapters.aws._link import Aws
from adapters.aws.iam import IamAdapter, IamParams
from adapters.aws.identity_center import IdentityCenterAdapter, IdentityCenterSettings
from adapters.aws.secrets_manager import SecretsManagerAdapter, SecretsManagerSettings
from adapters.aws.sts import StsAdapter, StsParams, StsSettings
from adapters.base import Order, Person, RefusedError, UnreachableError

PAGES = Path(__file__).parents[2] / "docs" / "adapters"
KEYS = {"access_key_id": "AKIAEXAMPLEEXAMPLE00", "secret_access_key": "a secret"}
ALLOW = {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::orders/*"]}
STS = {"role": "arn:aws:iam::123456789012:role/temporary", "allow": [ALLOW]}


def blocks(page: str, language: str) -> list[str]:
    text = (PAGES / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"region": "Frankfurt"}, "a region is named like eu-central-1"),
        ({"role": "curfew"}, "a role is named like arn:aws:iam::"),
        ({"endpoint_url": "aws"}, "a URL begins with https"),
        ({"access_key_id": KEYS["access_key_id"]}, "go together"),
        ({"session_token": "t"}, "session_token needs"),
        ({"external_id": "x"}, "external_id belongs to a role"),
        ({"zone": "x"}, "Extra inputs"),
    ],
)
def test_a_wrong_provider_block_is_told_what_was_expected(
    block: Mapping[str, Any], said: str
) -> None:
    """Each mistake has its sentence, and no value is repeated."""
    with pytest.raises(ValidationError, match=said) as caught:
        AwsSettings.model_validate({"region": "eu-central-1", **block})
    assert "a secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({}, "either allow .* or group is needed"),
        ({"allow": [ALLOW], "group": "readers"}, "either allow .* or group is needed"),
        ({"group": "readers", "role": "oncall"}, "role belongs to allow"),
        ({"group": "read ers"}, "a name in IAM has"),
        ({"allow": [{**ALLOW, "actions": ["read"]}]}, "an action is named like"),
        ({"allow": [{**ALLOW, "resources": ["orders"]}]}, "a resource is"),
        ({"allow": [{**ALLOW, "actions": []}]}, "at least 1"),
    ],
)
def test_a_wrong_grant_block_of_aws_iam_is_told_what_was_expected(
    block: Mapping[str, Any], said: str
) -> None:
    """Exactly one form, and nothing in it that IAM could read otherwise."""
    with pytest.raises(ValidationError, match=said):
        IamParams.model_validate(block)


def test_keys_show_themselves_nowhere() -> None:
    """Not in the settings' repr, and not in what an adapter keeps of them for its messages."""
    settings = AwsSettings.model_validate({"region": "eu-central-1", **KEYS})
    assert "a secret" not in repr(settings)


def _answer(code: str, status: int, **headers: str) -> boto.ClientError:
    about = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    said = {"Error": {"Code": code, "Message": "words"}, "ResponseMetadata": about}
    return boto.ClientError(said, "PutUserPolicy")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_answer("Throttling", 400), UnreachableError),
        (_answer("ThrottlingException", 400), UnreachableError),
        (_answer("TooManyRequestsException", 400), UnreachableError),
        (_answer("RequestLimitExceeded", 503), UnreachableError),
        (_answer("ConflictException", 400), UnreachableError),
        (_answer("ConcurrentModification", 409), UnreachableError),
        (_answer("SomethingNew", 500), UnreachableError),
        (_answer("SomethingNew", 429), UnreachableError),
        (_answer("AccessDenied", 403), RefusedError),
        (_answer("AccessDeniedException", 400), RefusedError),
        (_answer("InvalidClientTokenId", 403), RefusedError),
        (_answer("UnrecognizedClientException", 400), RefusedError),
        (_answer("ExpiredToken", 403), RefusedError),
        (_answer("SignatureDoesNotMatch", 403), RefusedError),
        (_answer("LimitExceeded", 409), RefusedError),
        (_answer("SomethingNew", 400), RefusedError),
        (boto.NoCredentialsError(), RefusedError),
        (boto.EndpointConnectionError(endpoint_url="https://x"), UnreachableError),
        (boto.ReadTimeoutError(endpoint_url="https://x"), UnreachableError),
        (boto.ConnectTimeoutError(endpoint_url="https://x"), UnreachableError),
    ],
)
def test_errors_say_who_must_act(error: Exception, expected: type[Exception]) -> None:
    """What time heals is tried again; every other no needs a human."""
    assert type(translated(error)) is expected


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "InvalidSignatureException"])
def test_a_request_that_aws_repeats_is_not_shown(code: str) -> None:
    """What does not fit is said in our words: AWS's hold the request, token and all."""
    said = translated(_answer(code, 403))
    assert "words" not in str(said)
    assert "clock" in str(said)


def test_aws_s_own_distance_is_kept() -> None:
    """`Retry-After` in seconds is handed on; a date in it is not guessed at."""
    near = translated(_answer("Throttling", 400, **{"retry-after": "7"}))
    far = translated(_answer("Throttling", 400, **{"retry-after": "Fri, 27 Nov 2026"}))
    assert isinstance(near, UnreachableError)
    assert isinstance(far, UnreachableError)
    assert (near.retry_after, far.retry_after) == (7.0, None)


def test_documents_have_the_mark_and_the_end_in_each_statement() -> None:
    """IAM's names for statements take no dash; two statements never share one."""
    params = IamParams.model_validate({"allow": [ALLOW, ALLOW]})
    made = allowing(params.allow, "curfew-0123456789ab", "2026-01-01T00:00:00Z")
    assert [each["Sid"] for each in made["Statement"]] == [
        "curfew0123456789ab",
        "curfew0123456789ab1",
    ]
    assert end_of(made) == "2026-01-01T00:00:00Z"
    assert end_of({"Statement": "words"}) is None
    assert sid_of("curfew-0123456789ab", 2) == "curfew0123456789ab2"


@pytest.mark.parametrize(
    "name",
    [
        "curfew-0123456789a",
        "curfew-0123456789abc",
        "curfew-0123456789AB",
        "curfew-0123456789ai",
        "xcurfew-0123456789ab",
        "curfew-",
    ],
)
def test_only_a_whole_mark_is_one(name: str) -> None:
    """What merely looks like ours is not."""
    assert marked_id(name) is None
    assert marked_id("curfew-0123456789ab") == "0123456789ab"


def test_nothing_is_opened_before_the_first_request() -> None:
    """Making a provider's link starts no thread and reads no file of AWS's."""
    link = Aws("p", AwsSettings.model_validate({"region": "eu-central-1"}), call_limit=10.0)
    assert isinstance(link.threads, Threads)
    assert vars(link)["_clients"] == {} == vars(link)["_sessions"]


def test_the_clean_up_on_the_page_of_aws_iam_is_the_adapter_s() -> None:
    """What the page tells a human to paste is what an alarm tells them."""
    adapter = IamAdapter("prod-aws", AwsSettings.model_validate({"region": "eu-central-1"}))
    page = (PAGES / "aws_iam.md").read_text()
    for params in ({"allow": [ALLOW]}, {"allow": [ALLOW], "role": "oncall"}, {"group": "readers"}):
        person = Person("U1", names={"aws": "dana"})
        order = Order("0123456789ab", "r", params, person, datetime(2026, 1, 1, tzinfo=UTC))
        assert adapter.cleanup(order) in page


def test_the_clean_up_on_the_page_of_aws_identity_center_is_the_adapter_s() -> None:
    """What the page tells a human to paste is what an alarm tells them."""
    words = {"region": "eu-central-1", "identity_store": "d-0123456789"}
    words["instance"] = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
    settings = IdentityCenterSettings.model_validate(words)
    adapter = IdentityCenterAdapter("company-aws", settings)
    arn = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef"
    params = {"account": "123456789012", "permission_set": arn}
    person = Person("U1", email="dana@example.com")
    order = Order("0123456789ab", "r", params, person, datetime(2026, 1, 1, tzinfo=UTC))
    assert adapter.cleanup(order) in (PAGES / "aws_identity_center.md").read_text()
    hostile = Person("U1", email="a\"'$(id)`b`@example.com")
    line = adapter.cleanup(replace(order, person=hostile))
    assert "aidb@example.com" in line
    assert "`" not in line


def test_the_clean_up_on_the_page_of_aws_sts_is_the_adapter_s() -> None:
    """What the page tells a human to paste is what an alarm tells them."""
    adapter = StsAdapter("prod-sts", StsSettings.model_validate({"region": "eu-central-1"}))
    order = Order("0123456789ab", "r", STS, Person("U1"), datetime(2026, 1, 1, tzinfo=UTC))
    assert adapter.cleanup(order) in (PAGES / "aws_sts.md").read_text()


def test_the_clean_up_on_the_page_of_aws_secrets_manager_is_the_adapter_s() -> None:
    """What the page tells a human to paste is what an alarm tells them."""
    settings = SecretsManagerSettings.model_validate({"region": "eu-central-1"})
    adapter = SecretsManagerAdapter("prod-secrets", settings)
    params = {"secret": "prod/orders"}
    order = Order("0123456789ab", "r", params, Person("U1"), datetime(2026, 1, 1, tzinfo=UTC))
    assert adapter.cleanup(order) in (PAGES / "aws_secrets_manager.md").read_text()
    assert adapter.fact(order) == "prod-secrets:prod/orders"


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"allow": []}, "either allow .* or policies"),
        ({"policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}, "either allow .* or policies"),
        ({"allow": [], "policies": ["ReadOnlyAccess"]}, "a managed policy is named like"),
        ({"role": "temporary"}, "a role is named like"),
    ],
)
def test_a_wrong_grant_block_of_aws_sts_is_told_what_was_expected(
    block: Mapping[str, Any], said: str
) -> None:
    """Exactly one form."""
    with pytest.raises(ValidationError, match=said):
        StsParams.model_validate({**STS, **block})


def test_long_lists_are_cut_for_cards() -> None:
    """A card names some actions, and says that there are more."""
    allow = [{**ALLOW, "actions": [f"service:Action{n}" for n in range(50)]}]
    said = listed(IamParams.model_validate({"allow": allow}).allow)
    assert said.endswith("service:Action8 and more")


@pytest.mark.parametrize("kind", [kind for kind in registry.available() if kind.startswith("aws_")])
def test_the_blocks_of_the_pages_are_valid(kind: str) -> None:
    """Every setting and every grant block that people copy passes the adapter's own schema."""
    adapter = registry.load(kind)
    provider, *grants = (yaml.safe_load(text) for text in blocks(f"{kind}.md", "yaml"))
    [found] = provider["providers"].values()
    assert found.pop("adapter") == kind
    given = {"access_key_id": KEYS["access_key_id"]}
    assert set(found) == set(adapter.Settings.model_fields)
    adapter.Settings.model_validate({**found, **given})
    named: set[str] = set()
    for each in grants:
        adapter.Params.model_validate(each["grant"])
        named |= set(each["grant"])
    assert named == set(adapter.Params.model_fields)
