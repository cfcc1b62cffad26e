"""A Slack workspace in one process, to try an app and to test it against.

Start with `SandboxServer`; `python -m sandbox` starts one alone. It speaks Slack's wire protocol,
so an app needs to know nothing of it but another base URL. Built from Slack's documentation;
docs/sandbox.md says what is enforced and what is not there.
"""

from sandbox.faults import Fault, FaultKind
from sandbox.manifest import Manifest, ManifestError, parse_manifest, read_manifest
from sandbox.player import Player, buttons_of, text_of
from sandbox.server import SandboxServer
from sandbox.wire import Json, RefusedActError
from sandbox.workspace import Workspace

__all__ = [
    "Fault",
    "FaultKind",
    "Json",
    "Manifest",
    "ManifestError",
    "Player",
    "RefusedActError",
    "SandboxServer",
    "Workspace",
    "buttons_of",
    "parse_manifest",
    "read_manifest",
    "text_of",
]
