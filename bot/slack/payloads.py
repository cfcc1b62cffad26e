"""What Slack sends, read into values: commands, presses of buttons, forms.

Who acts, and from which workspace, is Slack's word and never the sender's. A payload that lacks
what is read here raises pydantic's `ValidationError`. Source: Slack's reference of interaction
payloads.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot.domain.words import kept
from bot.slack.actions import ActionId, parse_action

KEY_LIMIT: Final = 200
"""Characters of a key under which a request is remembered."""


LAST_SECOND: Final = 2**32
"""Seconds since 1970 up to the year 2106: what is picked behind it is no date of anybody's."""


def _kept(value: object) -> object:
    return kept(value) if isinstance(value, str) else value


def _kept_or_empty(value: object) -> object:
    return "" if value is None else _kept(value)


Given = Annotated[str, BeforeValidator(_kept)]
"""Text that can be written down, whatever was sent."""

Text = Annotated[str, BeforeValidator(_kept_or_empty)]
"""The same; Slack says null, or nothing at all, where there is no text."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Actor(_Part):
    """Who did it. `team_id` is the workspace that the account belongs to."""

    id: Given
    team_id: Text = ""


class Typed(_Part):
    """A slash command."""

    user_id: Given
    team_id: Text = ""
    channel_id: Text = ""
    text: Text = ""
    trigger_id: Text = ""

    @property
    def seen(self) -> str | None:
        """Names the request; the same again is a repeat of it. None when it has no name."""
        return f"command:{self.trigger_id}"[:KEY_LIMIT] if self.trigger_id else None


class Container(_Part):
    """Where a button stands."""

    type: Text = ""
    channel_id: Text = ""
    message_ts: Text = ""
    thread_ts: Text = ""
    view_id: Text = ""
    is_ephemeral: bool = False


class Pushed(_Part):
    """The button."""

    action_id: Given
    value: Text = ""
    action_ts: Text = ""


class Option(_Part):
    """What was chosen from a list."""

    value: Text = ""


class Input(_Part):
    """The state of one field of a form."""

    type: Text = ""
    value: Given | None = None
    selected_option: Option | None = None
    selected_date_time: Annotated[int, Field(ge=0, le=LAST_SECOND)] | None = None

    @property
    def text(self) -> str:
        """What was typed or chosen, empty when nothing was."""
        if self.selected_option is not None:
            return self.selected_option.value
        return self.value or ""


class FormState(_Part):
    """Values by block id, then action id."""

    values: dict[Given, dict[Given, Input]] = Field(default_factory=dict)


class Block(_Part):
    """One block of a form, as far as errors are put beside it."""

    type: Text = ""
    block_id: Text = ""


class View(_Part):
    """A form, or the Home tab."""

    id: Text = ""
    type: Text = ""
    callback_id: Text = ""
    private_metadata: Text = ""
    blocks: tuple[Block, ...] = ()
    state: FormState = Field(default_factory=FormState)

    @property
    def questions(self) -> tuple[str, ...]:
        """The block ids that an error can stand beside, in the order of the form."""
        return tuple(block.block_id for block in self.blocks if block.type == "input")


class Press(_Part):
    """A button was pressed: on a message, on the Home tab."""

    user: Actor
    trigger_id: Text = ""
    container: Container = Field(default_factory=Container)
    actions: tuple[Pushed, ...] = Field(min_length=1)
    view: View | None = None

    @property
    def target(self) -> str:
        """The button's value: a grant's id, or on the Home tab a resource's name."""
        return self.actions[0].value

    @property
    def button(self) -> tuple[ActionId, int | None] | None:
        """Which button of ours, with the number of an extension; None for any other."""
        try:
            return parse_action(self.actions[0].action_id)
        except ValueError:
            return None

    @property
    def at_home(self) -> bool:
        return self.container.type == "view" and self.view is not None and self.view.type == "home"

    @property
    def seen(self) -> str | None:
        """Names the request; the same again is a repeat of it."""
        pushed = self.actions[0]
        name = self.trigger_id or pushed.action_ts
        return f"press:{self.user.id}:{name}:{pushed.action_id}"[:KEY_LIMIT] if name else None


class Submission(_Part):
    """A form was sent off."""

    user: Actor
    trigger_id: Text = ""
    view: View

    @property
    def seen(self) -> str | None:
        """One form does one thing, however often its button is pressed."""
        return f"form:{self.user.id}:{self.view.id}"[:KEY_LIMIT] if self.view.id else None

    def answer(self, question: str) -> str:
        """What was typed or chosen, without blanks around it."""
        state = self.view.state.values.get(question, {}).get(question)
        return "" if state is None else state.text.strip()

    def moment(self, question: str) -> int | None:
        """Seconds since 1970 that were picked."""
        state = self.view.state.values.get(question, {}).get(question)
        return None if state is None else state.selected_date_time


class Opened(_Part):
    """`app_home_opened`. The messages tab counts as opened too; only `home` shows anything."""

    user: Given
    tab: Text = ""
