"""One app installed in one workspace: its identity, tokens, scopes and the ledgers around it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sandbox.faults import Faults
from sandbox.records import User
from sandbox.traffic import Traffic
from sandbox.wire import SlackError
from sandbox.workspace import BOT_USER

if TYPE_CHECKING:
    from sandbox.manifest import Manifest
    from sandbox.views import View
    from sandbox.wire import Json
    from sandbox.workspace import Workspace

APP_ID = "A0SANDBOX"
BOT_ID = "B0SANDBOX"


class Installation:
    """The app. Tokens are new at each start; nothing outside of this process knows them."""

    def __init__(self, workspace: Workspace, manifest: Manifest) -> None:
        self.workspace = workspace
        self.manifest = manifest
        self.app_id = APP_ID
        self.bot_id = BOT_ID
        self.bot_token = f"xoxb-sandbox-{secrets.token_hex(16)}"
        self.app_token = f"xapp-sandbox-{secrets.token_hex(16)}"
        self.signing_secret = secrets.token_hex(16)
        self.verification_token = secrets.token_hex(12)
        self.scopes = set(manifest.scopes)
        self.revoked: str | None = None
        self.faults = Faults()
        self.traffic = Traffic(workspace.clock)
        name = manifest.bot_name
        workspace.install(
            User(BOT_USER, name, manifest.name, workspace.team_id, color="#334155", is_bot=True)
        )

    @property
    def bot_user(self) -> str:
        return self.workspace.bot

    def token_kind(self, token: str | None) -> str:
        """`bot` or `app`; SlackError for every other token."""
        if not token:
            raise SlackError("not_authed")
        if secrets.compare_digest(token.encode(), self.app_token.encode()):
            return "app"
        if not secrets.compare_digest(token.encode(), self.bot_token.encode()):
            raise SlackError("invalid_auth")
        if self.revoked:
            raise SlackError(self.revoked)
        return "bot"

    def demand(self, *any_of: str) -> None:
        """SlackError `missing_scope` unless the app has one of these scopes."""
        if any_of and not self.scopes.intersection(any_of):
            raise missing_scope(self.scopes, any_of)

    def view(self, view: View) -> Json:
        """The view object of answers and payloads."""
        return self.workspace.views.wire(view) | {"app_id": self.app_id, "bot_id": self.bot_id}

    def profile(self) -> Json:
        """`bot_profile` of messages."""
        return {
            "id": self.bot_id,
            "app_id": self.app_id,
            "user_id": self.bot_user,
            "name": self.manifest.name,
            "team_id": self.workspace.team_id,
            "deleted": False,
            "updated": 1700000000,
        }


def missing_scope(scopes: set[str], any_of: tuple[str, ...]) -> SlackError:
    """The error as Slack words it."""
    return SlackError("missing_scope", needed=",".join(any_of), provided=",".join(sorted(scopes)))
