"""The manifest has what the code uses, no more and no less, in a form that Slack takes."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import jsonschema
import pytest
import yaml

from bot.slack.checks import GROUPS_SCOPE, MANAGER_SCOPE, REQUIRED
from bot.slack.gateway import COMMAND
from sandbox.manifest import EVENTS, SCOPES, read_manifest

ROOT: Final = Path(__file__).parents[2]
PATH: Final = ROOT / "manifest.yml"
MANIFEST: Final = yaml.safe_load(PATH.read_text())
URL: Final = "https://curfew.example.com/slack/events"

NEEDS: Final[dict[str, set[str]]] = {
    "apps.connections.open": set(),
    "auth.test": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history", "im:history"},
    "conversations.info": {"channels:read", "groups:read"},
    "conversations.replies": {"channels:history", "groups:history", "im:history"},
    "team.profile.get": {"users.profile:read"},
    "usergroups.list": {"usergroups:read"},
    "users.info": {"users:read"},
    "users.lookupByEmail": {"users:read.email"},
    "users.profile.get": {"users.profile:read"},
    "views.open": set(),
    "views.publish": set(),
    "views.update": set(),
}
"""The scopes of each method, where we call it. Source: Slack's reference of methods."""


def text(most: int, **more: object) -> dict[str, object]:
    return {"type": "string", "minLength": 1, "maxLength": most, **more}


def closed(required: list[str], **properties: object) -> dict[str, object]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


FLAG: Final = {"type": "boolean"}
WEB: Final = text(3000, pattern="^https://")
NAMES: Final = {"type": "array", "items": text(50), "uniqueItems": True, "maxItems": 255}
RULES: Final = closed(
    ["display_information", "features", "oauth_config", "settings"],
    _metadata=closed([], major_version={"const": 1}, minor_version={"type": "integer"}),
    display_information=closed(
        ["name"],
        name=text(35),
        description=text(140),
        background_color=text(7, pattern="^#[0-9a-f]{6}$"),
    ),
    features=closed(
        ["bot_user"],
        app_home=closed(
            [],
            home_tab_enabled=FLAG,
            messages_tab_enabled=FLAG,
            messages_tab_read_only_enabled=FLAG,
        ),
        bot_user=closed(["display_name"], display_name=text(80), always_online=FLAG),
        slash_commands={
            "type": "array",
            "maxItems": 50,
            "items": closed(
                ["command", "description"],
                command=text(32, pattern="^/"),
                description=text(2000),
                usage_hint=text(1000),
                should_escape=FLAG,
                url=WEB,
            ),
        },
    ),
    oauth_config=closed(["scopes"], scopes=closed(["bot"], bot=NAMES)),
    settings=closed(
        [],
        event_subscriptions=closed([], request_url=WEB, bot_events=NAMES),
        interactivity=closed(["is_enabled"], is_enabled=FLAG, request_url=WEB),
        org_deploy_enabled=FLAG,
        socket_mode_enabled=FLAG,
        token_rotation_enabled=FLAG,
    ),
)
"""What Slack's published manifest schema says of the keys that we use."""


def over_http() -> dict[str, object]:
    """The manifest as its first comment tells to change it for HTTP."""
    lines = PATH.read_text().splitlines()
    opened = [
        line.replace("# url:", "url:").replace("# request_url:", "request_url:") for line in lines
    ]
    changed: dict[str, object] = yaml.safe_load(
        "\n".join(opened).replace("socket_mode_enabled: true", "socket_mode_enabled: false")
    )
    return changed


@pytest.mark.parametrize("manifest", [MANIFEST, over_http()], ids=["socket mode", "http"])
def test_slack_takes_it(manifest: dict[str, object]) -> None:
    """Keys, lengths and forms are those of Slack's schema, for both transports."""
    jsonschema.validate(manifest, RULES)


def test_for_http_three_lines_name_the_url() -> None:
    """Commands, events and buttons each have their own, and all lead to the same door."""
    changed = over_http()

    assert str(changed).count(URL) == 3
    assert URL not in str(MANIFEST)
    assert changed["settings"]["socket_mode_enabled"] is False


def test_every_name_is_one_of_slacks() -> None:
    """The schema looks at no scope and no event; a misspelt one is refused only by Slack."""
    manifest = read_manifest(PATH)

    assert manifest.scopes <= SCOPES
    assert manifest.events <= EVENTS.keys()


def calls_of(path: Path) -> set[str]:
    """The methods of the Web API that a module calls on a client."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Attribute) or "_" not in node.attr:
            continue
        owner = node.value
        name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        if name.endswith("client") and not node.attr.startswith("_"):
            found.add(node.attr)
    return found


def test_scopes_are_those_of_the_methods_that_are_called() -> None:
    """Each scope is needed by a call in the code, and each call has its scopes."""
    wire = {method.replace(".", "_"): method for method in NEEDS}
    called = {name for path in (ROOT / "bot").rglob("*.py") for name in calls_of(path)}
    unknown = {name for name in called if name not in wire and name in SDK}
    needed = {scope for name in called & wire.keys() for scope in NEEDS[wire[name]]}

    assert unknown == set()
    assert called >= {"views_open", "chat_postMessage", "users_info"}
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed | {"commands"}


def sdk_methods() -> frozenset[str]:
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415 - only its names

    return frozenset(name for name in dir(AsyncWebClient) if "_" in name.strip("_"))


SDK: Final = sdk_methods()


def test_what_doctor_asks_for_is_in_the_manifest() -> None:
    """Nobody is told to add a scope that installing by the manifest would not have given."""
    scopes = set(MANIFEST["oauth_config"]["scopes"]["bot"])

    assert {*REQUIRED, GROUPS_SCOPE, MANAGER_SCOPE} <= scopes


def test_command_and_events_are_those_that_are_listened_to() -> None:
    """One command, one event; buttons on; both tabs of the app's page on."""
    features, settings = MANIFEST["features"], MANIFEST["settings"]

    assert [one["command"] for one in features["slash_commands"]] == [COMMAND]
    assert settings["event_subscriptions"]["bot_events"] == ["app_home_opened"]
    assert settings["interactivity"]["is_enabled"]
    assert features["app_home"]["home_tab_enabled"]
    assert features["app_home"]["messages_tab_enabled"]
    assert not features["app_home"]["messages_tab_read_only_enabled"]
