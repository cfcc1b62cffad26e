"""What AWS says when it does not do what was asked, in the words of the contract."""

from collections.abc import Mapping
from typing import Any, Final

from botocore import exceptions as boto

from adapters.base import AdapterError, RefusedError, UnreachableError

TIME_HEALS: Final = frozenset(
    {
        # too much at once
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        # somebody else is at it, or the last change is not everywhere yet
        "ConcurrentModification",
        "ConcurrentModificationException",
        "ConflictException",
        "EntityTemporarilyUnmodifiable",
        "PriorRequestNotComplete",
        "TransactionInProgressException",
        # AWS itself is not well
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "InternalServiceError",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceFailure",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
"""Codes after which the same call may succeed; every other 4xx needs a human."""

ABSENT: Final = frozenset({"NoSuchEntity", "ResourceNotFoundException"})

_OURS: Final = dict.fromkeys(
    ("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"),
    "the secret key is not the one of this access key, or the clock of this machine is wrong",
)
"""Codes whose messages repeat the whole request, with the session's token in it."""

_NEEDS_A_HUMAN = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.ProfileNotFound,
    boto.ConfigParseError,
    boto.ParamValidationError,
    boto.UnknownEndpointError,
    boto.InvalidRegionError,
)


def code_of(error: BaseException) -> str:
    """AWS's own word for what stands behind an error of the contract; empty where it said none."""
    cause = error.__cause__
    if not isinstance(cause, boto.ClientError):
        return ""
    return str(cause.response.get("Error", {}).get("Code", ""))


def translated(error: Exception) -> AdapterError:
    """An error of boto3's: whether time heals it or a human must act."""
    if isinstance(error, boto.ClientError):
        return _answered(error.operation_name, error.response)
    if isinstance(error, _NEEDS_A_HUMAN):
        return RefusedError(f"AWS cannot be asked: {error}")
    return UnreachableError(f"AWS did not answer: {error}")


def _answered(operation: str, response: Mapping[str, Any]) -> AdapterError:
    said, about = response.get("Error", {}), response.get("ResponseMetadata", {})
    code = str(said.get("Code", "unknown"))
    words = _OURS.get(code) or said.get("Message") or "without a reason"
    message = f"AWS refuses {operation}, {code}: {words}"
    status = int(about.get("HTTPStatusCode", 0))
    if code in TIME_HEALS or status >= 500 or status == 429:  # noqa: PLR2004 - HTTP's own numbers
        after = str(about.get("HTTPHeaders", {}).get("retry-after", ""))
        return UnreachableError(message, retry_after=float(after) if after.isdigit() else None)
    return RefusedError(message)
