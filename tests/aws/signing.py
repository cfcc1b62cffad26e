"""Signatures, made again with what is known of the key, and compared."""

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.aws.wire import RefusalError

HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request,"
    r" SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)
SKEW = timedelta(minutes=15)


def scope(headers: Mapping[str, str]) -> tuple[str, str]:
    """The key that signed and the service that it was signed for."""
    found = HEADER.fullmatch(headers.get("Authorization", ""))
    if found is None:
        raise RefusalError("MissingAuthenticationToken", "the request is not signed", 403)
    return found[1], found[4]


def check(
    url: str, headers: Mapping[str, str], body: bytes, secret: str, token: str | None
) -> None:
    """Raises unless the signature is the one of that secret, over this very request, just now."""
    found = HEADER.fullmatch(headers["Authorization"])
    assert found is not None
    key, _, region, service, names, signature = found.groups()
    said = {name: value for name, value in headers.items() if name.lower() in names.split(";")}
    when = headers["X-Amz-Date"]
    sent = datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(datetime.now(UTC) - sent) > SKEW:
        raise RefusalError("SignatureDoesNotMatch", "Signature expired", 403)
    auth = SigV4Auth(Credentials(key, secret, token), service, region)
    request = AWSRequest(method="POST", url=url, data=body, headers=said)
    request.context["timestamp"] = when
    canonical = auth.canonical_request(request)
    made = auth.signature(auth.string_to_sign(request, canonical), request)
    if not hmac.compare_digest(made, signature):
        raise RefusalError("SignatureDoesNotMatch", "The request signature does not match", 403)
    if token is not None and headers.get("X-Amz-Security-Token") != token:
        raise RefusalError("InvalidClientTokenId", "The security token is invalid", 403)
