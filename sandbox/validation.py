"""Whole messages and views against the table of limits: what Slack answers, with JSON pointers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.limits import (
    MARKDOWN_TOTAL,
    MESSAGE_BLOCKS,
    SURFACES,
    VIEW_BLOCKS,
    VIEW_BYTES,
    Surface,
    plain,
)
from sandbox.rules import anything, at, both, choice, flag, items, kinds, shape, string, unique
from sandbox.wire import SlackError

if TYPE_CHECKING:
    from sandbox.rules import Complaints, Rule
    from sandbox.wire import Json


def _blocks(surface: Surface, *, least: int) -> Rule:
    most = MESSAGE_BLOCKS if surface == "message" else VIEW_BLOCKS
    return both(items(kinds(SURFACES[surface]), most=most, least=least), unique("block_id"))


_MESSAGE = _blocks("message", least=0)
_VIEW_PARTS: dict[str, Rule] = {
    "private_metadata": string(3000),
    "callback_id": string(255),
    "external_id": string(255),
}
_MODAL = shape(
    {"type": choice("modal"), "title": plain(24), "blocks": _blocks("modal", least=0)},
    {
        **_VIEW_PARTS,
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": flag,
        "notify_on_close": flag,
        "submit_disabled": flag,
    },
)
_HOME = shape({"type": choice("home"), "blocks": _blocks("home", least=0)}, _VIEW_PARTS)
_METADATA = shape({"event_type": string(255, least=1), "event_payload": anything})


def check_blocks(blocks: object) -> list[str]:
    """What is wrong with a message's blocks, empty when nothing is."""
    return [*_MESSAGE(blocks, "/blocks"), *_markdown(blocks)]


def check_view(view: object, *, only: str | None = None) -> list[str]:
    """What is wrong with a view; `only` is the type that the method takes."""
    kind = view.get("type") if isinstance(view, dict) else None
    if kind not in ("modal", "home") or (only and kind != only):
        return [at(f"unsupported type: {kind}", "/view/type")]
    complaints = list((_MODAL if kind == "modal" else _HOME)(view, "/view"))
    if kind == "modal" and isinstance(view, dict) and not complaints:
        has_input = any(block["type"] == "input" for block in view["blocks"])
        if has_input and "submit" not in view:
            complaints.append(at("missing required field: submit", "/view"))
    return complaints


def blocks_or_error(blocks: object) -> list[Json]:
    """The blocks, or SlackError as chat methods answer."""
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if complaints := check_blocks(blocks):
        raise SlackError("invalid_blocks", messages=tuple(complaints))
    return blocks


def view_or_error(view: object, *, only: str | None = None) -> Json:
    """The view, or SlackError as views methods answer."""
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments", messages=(at("must be an object", "/view"),))
    if len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES:
        raise SlackError("view_too_large")
    if complaints := check_view(view, only=only):
        raise SlackError("invalid_arguments", messages=tuple(complaints))
    return view


def metadata_or_error(metadata: object) -> Json | None:
    """The metadata of a message (None for the empty object), or SlackError."""
    if metadata in (None, {}):
        return None
    flaws = list(_METADATA(metadata, "/metadata"))
    if flaws or not isinstance(metadata, dict) or not isinstance(metadata["event_payload"], dict):
        raise SlackError("invalid_metadata_format", messages=tuple(flaws))
    return metadata


def _markdown(blocks: object) -> Complaints:
    listed = blocks if isinstance(blocks, list) else []
    texts = [b.get("text") for b in listed if isinstance(b, dict) and b.get("type") == "markdown"]
    if sum(len(text) for text in texts if isinstance(text, str)) > MARKDOWN_TOTAL:
        yield at(f"markdown text must be less than {MARKDOWN_TOTAL + 1} characters", "/blocks")
