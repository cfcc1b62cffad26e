"""The forms: modal views, ready to be opened or to replace one that is open.

Each input's block id and action id are its `Field`; what a form must remember is an `Errand` in
its `private_metadata`. Words stand in `templates/form_*.j2`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from slack_sdk.models.blocks import (
    Block,
    DateTimePickerElement,
    InputBlock,
    PlainTextInputElement,
    RichTextBlock,
    RichTextElementParts,
    RichTextPreformattedElement,
)
from slack_sdk.models.blocks.block_elements import InputInteractiveElement
from slack_sdk.models.views import View

from adapters.base import Ask, Credential
from bot.domain.durations import compact
from bot.domain.grant import Grant
from bot.domain.policy import Resource
from bot.slack.actions import Field, FormId, answer_field
from bot.slack.choices import resource_choice
from bot.slack.errand import Errand
from bot.slack.message import context, plain, section
from bot.slack.words import Words

TITLE: Final = 24
LABEL: Final = 150
TYPED: Final = 3_000
DURATION_TYPED: Final = 40
USUAL_EXTENSION: Final = timedelta(minutes=30)


def request_form(
    words: Words,
    offers: Sequence[Resource],
    *,
    errand: Errand,
    resource: str | None = None,
    duration: timedelta | None = None,
    starts_at: datetime | None = None,
    reason: str = "",
) -> View:
    """Ask for access. `offers` is what the person may ask for; the rest is filled in already.

    An empty duration means the resource's usual one.
    """
    said = Asking(words, "form_request")
    if not offers:
        return notice_form(words, said.text("nothing"))
    chosen = next((offer for offer in offers if offer.name == resource), None)
    if duration is None and chosen is not None:
        duration = chosen.duration
    blocks = [
        said.field(Field.RESOURCE, resource_choice(offers, chosen)),
        said.field(Field.DURATION, _duration(duration), optional=True),
        said.field(Field.START, _start(starts_at), optional=True),
        said.field(Field.REASON, _several_lines(reason)),
    ]
    return said.form(FormId.REQUEST, errand, blocks)


def shorter_form(words: Words, grant: Grant, *, errand: Errand) -> View:
    """Approve for less time than was asked for."""
    said = Asking(words, "form_shorter", grant=grant)
    blocks = [said.field(Field.DURATION, _duration(grant.duration))]
    return said.form(FormId.SHORTER, errand, blocks)


def deny_form(words: Words, grant: Grant, *, errand: Errand) -> View:
    """Deny; the reason may stay empty."""
    said = Asking(words, "form_deny", grant=grant)
    blocks = [said.field(Field.REASON, _several_lines(""), optional=True)]
    return said.form(FormId.DENY, errand, blocks)


def extend_form(words: Words, grant: Grant, *, errand: Errand) -> View:
    """Ask for more time, at most what is left of the longest time allowed."""
    room = room_left(grant)
    said = Asking(words, "form_extend", grant=grant, room=room)
    blocks = [
        said.field(Field.DURATION, _duration(min(USUAL_EXTENSION, room) if room else None)),
        said.field(Field.REASON, _several_lines(""), optional=True),
    ]
    return said.form(FormId.EXTEND, errand, blocks)


def extension_deny_form(words: Words, grant: Grant, *, errand: Errand) -> View:
    """Deny more time; the reason may stay empty. The errand has the extension's number."""
    said = Asking(words, "form_extension_deny", grant=grant)
    blocks = [said.field(Field.REASON, _several_lines(""), optional=True)]
    return said.form(FormId.EXTENSION_DENY, errand, blocks)


def answers_form(words: Words, asks: Sequence[Ask], *, errand: Errand) -> View:
    """What an adapter asks before it makes credentials, in its own words."""
    said = Asking(words, "form_answers")
    blocks = [
        asked(
            answer_field(ask.name),
            _several_lines(""),
            label=ask.label,
            hint=ask.hint,
            optional=ask.optional,
        )
        for ask in asks
    ]
    return said.form(FormId.ANSWERS, errand, blocks)


def moment_form(words: Words, ticket: str | None = None) -> View:
    """Opened at once while something slow happens; `views.update` puts the answer in its place.

    `ticket` is the view's external id.
    """
    said = Asking(words, "form_moment")
    view = said.form(FormId.CREDENTIALS, Errand(), [section(said.mrkdwn("body"))])
    view.external_id = ticket
    return view


def credentials_form(words: Words, grant: Grant, credential: Credential) -> View:
    """What to paste, each in a block of its own exactly as the adapter gave it."""
    said = Asking(words, "form_credentials", grant=grant, note=credential.note)
    blocks: list[Block | None] = [section(said.mrkdwn("once"))]
    for snippet in credential.snippets:
        label = words.mrkdwn("form_credentials", "label", label=snippet.label)
        blocks += [section(label), _to_paste(snippet.text)]
    blocks.append(context(said.mrkdwn("note")))
    return said.form(FormId.CREDENTIALS, Errand(), blocks)


def notice_form(words: Words, message: str, hint: str = "") -> View:
    """A refusal, where nothing can be said in private in a channel: App Home, an open form."""
    said = Asking(words, "form_notice", message=message, hint=hint)
    blocks = [section(said.mrkdwn("body")), context(said.mrkdwn("way_out") if hint else "")]
    return said.form(FormId.NOTICE, Errand(), blocks)


def room_left(grant: Grant) -> timedelta | None:
    """How much more time the hard limit leaves, None where that cannot be said yet."""
    if grant.started_at is None or grant.expires_at is None:
        return None
    return max(grant.started_at + grant.terms.max_duration - grant.expires_at, timedelta(0))


class Asking:
    """One form's words: its template, with the facts that they are about."""

    def __init__(self, words: Words, template: str, **facts: object) -> None:
        self._words = words
        self._template = template
        self._facts = facts

    def text(self, part: str) -> str:
        return self._words.plain(self._template, part, **self._facts)

    def mrkdwn(self, part: str) -> str:
        return self._words.mrkdwn(self._template, part, **self._facts)

    def field(
        self, field: Field, element: InputInteractiveElement, *, optional: bool = False
    ) -> InputBlock:
        """One question: label and hint from the template."""
        label, hint = self.text(f"{field}_label"), self.text(f"{field}_hint")
        return asked(field.value, element, label=label, hint=hint, optional=optional)

    def form(self, form: FormId, errand: Errand, blocks: Sequence[Block | None]) -> View:
        """The view; it has a button to send it off where it asks anything."""
        kept = [block for block in blocks if block is not None]
        asks = any(isinstance(block, InputBlock) for block in kept)
        return View(
            type="modal",
            callback_id=form.value,
            title=plain(self.text("title"), TITLE),
            submit=plain(self.text("submit"), TITLE) if asks else None,
            close=plain(self.text("close"), TITLE),
            private_metadata=errand.dump(),
            blocks=kept,
        )


def asked(
    field: str, element: InputInteractiveElement, *, label: str, hint: str, optional: bool
) -> InputBlock:
    """One question; `field` names the block and its input alike."""
    element.action_id = field
    return InputBlock(
        block_id=field,
        label=plain(label, LABEL),
        hint=plain(hint, LABEL) if hint else None,
        element=element,
        optional=optional,
    )


def _duration(length: timedelta | None) -> PlainTextInputElement:
    return PlainTextInputElement(
        initial_value=compact(length) if length else None, max_length=DURATION_TYPED
    )


def _start(at: datetime | None) -> DateTimePickerElement:
    return DateTimePickerElement(initial_date_time=int(at.timestamp()) if at else None)


def _several_lines(text: str) -> PlainTextInputElement:
    return PlainTextInputElement(
        multiline=True, initial_value=text[:TYPED] or None, max_length=TYPED
    )


def _to_paste(text: str) -> RichTextBlock:
    """Preformatted rich text: nothing in it is read as markup, so it is copied as it was given."""
    return RichTextBlock(
        elements=[RichTextPreformattedElement(elements=[RichTextElementParts.Text(text=text)])]
    )
