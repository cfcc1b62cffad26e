"""The workspace that the bare sandbox and the demo start with.

A few people whose part is in their name, one of each kind of account that a bot must tell apart,
and the channels and groups that they use.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.records import Channel, User, Usergroup
from sandbox.workspace import BOT_USER, TEAM_ID

if TYPE_CHECKING:
    from sandbox.workspace import Workspace

DANA, MAYA, OMAR, OLGA = "U0DANA", "U0MAYA", "U0OMAR", "U0OLGA"
GARY, STELLA, DORIS, BUILDBOT = "U0GARY", "U0STELLA", "U0DORIS", "U0BUILD"
GENERAL, APPROVALS, AUDIT, OUTSIDERS = "C0GENERAL", "C0APPROVE", "C0AUDIT", "C0OUTSIDE"
DBA, OPS, BACKEND = "S0DBA", "S0OPS", "S0BACKEND"
OTHER_TEAM = "T0ELSEWHERE"
MANAGER_FIELD = "Xf0MANAGER"

PROFILE_FIELDS = {MANAGER_FIELD: "Manager"}
"""Custom profile fields of the workspace: id to label. The manager's value is a user id."""


PEOPLE = (
    User(
        DANA,
        "dana",
        "Dana (developer)",
        TEAM_ID,
        "Backend developer",
        "dana@example.com",
        "#2f6f4f",
        "asks for access",
        "Europe/Berlin",
        fields={MANAGER_FIELD: MAYA},
    ),
    User(
        MAYA,
        "maya",
        "Maya (manager)",
        TEAM_ID,
        "Engineering manager, database owner",
        "maya@example.com",
        "#7a3e9d",
        "approves",
        "Europe/London",
    ),
    User(
        OMAR,
        "omar",
        "Omar (second approver)",
        TEAM_ID,
        "Database owner",
        "omar@example.com",
        "#b0562a",
        "approves",
        "America/New_York",
    ),
    User(
        OLGA,
        "olga",
        "Olga (operator)",
        TEAM_ID,
        "Operator on duty",
        "olga@example.com",
        "#1f6fa8",
        "may end everything",
        "UTC",
        is_admin=True,
    ),
    User(
        GARY,
        "gary",
        "Gary (guest)",
        TEAM_ID,
        "Contractor, guest account",
        "gary@example.org",
        "#8a6d1a",
        "a guest: may not ask",
        is_restricted=True,
        is_ultra_restricted=True,
    ),
    User(
        STELLA,
        "stella",
        "Stella (other company)",
        OTHER_TEAM,
        "Partner's engineer",
        "stella@example.net",
        "#a33b5c",
        "from another workspace",
        is_stranger=True,
    ),
    User(
        DORIS,
        "doris",
        "Doris (deactivated)",
        TEAM_ID,
        "Left last month",
        "doris@example.com",
        "#777777",
        "account deactivated",
        deleted=True,
    ),
    User(BUILDBOT, "buildbot", "Build bot", TEAM_ID, color="#555555", is_bot=True),
)
"""Copied into every workspace that is filled."""


def fill(workspace: Workspace) -> None:
    """Fill a workspace with these people, channels and groups."""
    for user in PEOPLE:
        is_ours = user.team_id == TEAM_ID
        team_id = workspace.team_id if is_ours else user.team_id
        workspace.add_user(replace(user, team_id=team_id, fields=dict(user.fields)))
    team = [DANA, MAYA, OMAR, OLGA]
    for channel in (
        Channel(GENERAL, "general", "Company-wide news and work", members=[*team, DORIS]),
        Channel(APPROVALS, "approvals", "Requests for access wait here", members=[*team, BOT_USER]),
        Channel(AUDIT, "audit", "Every start and end of access", members=[*team, BOT_USER]),
        Channel(
            OUTSIDERS, "outsiders", "Shared with partners", members=[*team, GARY, STELLA, BOT_USER]
        ),
    ):
        workspace.add_channel(channel)
    workspace.channels[AUDIT].is_private = True
    workspace.channels[OUTSIDERS].is_ext_shared = True
    workspace.add_usergroup(Usergroup(DBA, "dba", "Database owners", [MAYA, OMAR]))
    workspace.add_usergroup(Usergroup(OPS, "ops", "Operators", [OLGA]))
    workspace.add_usergroup(Usergroup(BACKEND, "backend", "Backend developers", [DANA]))
