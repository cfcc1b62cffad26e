"""What Slack says of an account, read into facts. Nothing is decided on names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field

from bot.domain.people import Standing

if TYPE_CHECKING:
    from bot.slack.workspace import Identity

SLACKBOT: Final = "USLACKBOT"
USER_ID: Final = re.compile(r"[UW][A-Z0-9]{2,30}", re.ASCII)


class _Part(BaseModel):
    """Only what is read is checked: Slack adds fields as it likes."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Profile(_Part):
    """The part of a profile that tells who somebody is."""

    email: str | None = None
    display_name: str = ""
    real_name: str = ""


class EnterpriseUser(_Part):
    """Where an account of an Enterprise organisation is at home."""

    teams: tuple[str, ...] = ()


class User(_Part):
    """The `user` object of `users.info`. What is absent is taken for false, as Slack leaves out."""

    id: str
    team_id: str | None = None
    deleted: bool = False
    is_bot: bool = False
    is_workflow_bot: bool = False
    is_connector_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_email_confirmed: bool = True
    tz: str | None = None
    profile: Profile = Field(default_factory=Profile)
    enterprise_user: EnterpriseUser = Field(default_factory=EnterpriseUser)


@dataclass(frozen=True, slots=True)
class Facts:
    """One account without its groups."""

    user: str
    standing: Standing
    email: str | None = None
    name: str = ""
    timezone: str = "UTC"


def facts_of(user: User, own: Identity) -> Facts:
    """An address that its owner has not confirmed is none: anybody could have typed it."""
    profile = user.profile
    return Facts(
        user=user.id,
        standing=standing_of(user, own),
        email=profile.email if user.is_email_confirmed else None,
        name=profile.display_name or profile.real_name,
        timezone=user.tz or "UTC",
    )


def standing_of(user: User, own: Identity) -> Standing:
    """The most restrictive that applies; a member only when nothing speaks against it."""
    # Slackbot is said to be no bot.
    if user.is_bot or user.is_workflow_bot or user.is_connector_bot or user.id == SLACKBOT:
        return Standing.BOT
    at_home = own.team_id in {user.team_id, *user.enterprise_user.teams}
    if user.is_stranger or not at_home:
        return Standing.STRANGER
    if user.deleted:
        return Standing.DEACTIVATED
    if user.is_restricted or user.is_ultra_restricted:
        return Standing.GUEST
    return Standing.MEMBER


def stranger(user: str) -> Facts:
    """An id that Slack does not know, or does not show to us."""
    return Facts(user=user, standing=Standing.STRANGER)
