"""The words: overridden by an operator part by part, and never able to silence anything."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.slack.words import SHIPPED, Words, WordsError
from tests.slack_render.gallery import asked


def overridden(tmp_path: Path, name: str, text: str) -> Words:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Words(tmp_path)


def test_one_part_can_be_said_differently(tmp_path: Path) -> None:
    """The other parts stay ours."""
    words = overridden(tmp_path, "form_deny.j2", "{% block title %}Nein{% endblock %}")
    grant = asked().grant
    assert words.plain("form_deny", "title", grant=grant) == "Nein"
    assert words.plain("form_deny", "submit", grant=grant) == "Deny"


def test_what_an_operator_writes_is_escaped_too(tmp_path: Path) -> None:
    """Text from people stays text in any template."""
    words = overridden(tmp_path, "x.j2", "{% block y %}*{{ who }}*{% endblock %}")
    assert words.mrkdwn("x", "y", who="<!channel> *") == "*&lt;!channel&gt; \u2217*"


@pytest.mark.parametrize(
    "body",
    [
        "{{ nothing }}",
        "{{ grant.nothing.more }}",
        "{{ grant.reason|long }}",
        "{{ 1 / 0 }}",
        "{{ grant.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{% for x in range(100000000) %}{% endfor %}",
        "{{ nothing() }}",
    ],
)
def test_a_part_that_fails_is_said_in_our_words(tmp_path: Path, body: str) -> None:
    """A slip, or a way out of the sandbox, must not keep a line from being told."""
    words = overridden(tmp_path, "card.j2", "{% block footer %}" + body + "{% endblock %}")
    story = asked().story()
    assert words.mrkdwn("card", "footer", **story.facts) == "Grant `7k2m9qx4trvw`"


def test_wrong_syntax_is_found_at_the_start(tmp_path: Path) -> None:
    """With file and line."""
    with pytest.raises(WordsError, match=r"card\.j2:2: "):
        overridden(tmp_path, "card.j2", "{% block footer %}\n{% if %}{% endblock %}")


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything is sent."""
    with pytest.raises(WordsError, match="There is no directory"):
        Words(tmp_path / "nowhere")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Before anything is sent."""
    (tmp_path / "card.j2").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WordsError, match=r"card\.j2 cannot be read as UTF-8 text"):
        Words(tmp_path)


def test_every_shipped_template_parses_and_has_only_named_parts() -> None:
    """What stands outside of a part would never be shown."""
    words = Words(SHIPPED)
    for path in SHIPPED.rglob("*.j2"):
        name = path.relative_to(SHIPPED).with_suffix("").as_posix()
        assert words.has(name)
        template = words._places[0].mrkdwn.get_template(f"{name}.j2")
        assert template.blocks, name


def test_blanks_are_one_and_breaks_are_meant(tmp_path: Path) -> None:
    """A template may be laid out as one likes."""
    words = overridden(
        tmp_path,
        "x.j2",
        "{% block y %}\n one\n   two {{ br }} three  \n{{ code|fenced }}{% endblock %}",
    )
    assert words.mrkdwn("x", "y", code="a\n  b") == "one two\nthree ```\na\n  b\n```"


def test_times_and_lengths(tmp_path: Path) -> None:
    """Where the reader is in Slack, UTC elsewhere."""
    words = overridden(
        tmp_path, "x.j2", "{% block y %}{{ at|when }} {{ length|long }}{% endblock %}"
    )
    facts = {"at": datetime(2026, 3, 2, 9, 31, tzinfo=UTC), "length": timedelta(minutes=90)}
    assert words.mrkdwn("x", "y", **facts) == (
        "<!date^1772443860^{date_short_pretty} at {time}|2026-03-02 09:31 UTC> 1 h 30 min"
    )
    assert words.plain("x", "y", **facts) == "2026-03-02 09:31 UTC 1 h 30 min"
