"""The words: overridden by an operator part by part, and never able to silence anything."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.record import ANNOUNCED, THREADED
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
    words = overridden(tmp_path, "card.j2", "{% block footer %}*{{ who }}*{% endblock %}")
    assert words.mrkdwn("card", "footer", who="<!channel> *") == "*&lt;!channel&gt; \u2217*"


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


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "card.j2",
            "{% block footer %}\n{% if %}{% endblock %}",
            "card.j2:2: Expected an expression, got 'end of statement block'.",
        ),
        (
            "card.j2",
            "{% block footer %}{{ grant.id|kode }}{% endblock %}",
            "card.j2:1: No filter named 'kode'.",
        ),
        ("kard.j2", "", "kard.j2: there is no template kard; did you mean card?"),
        (
            "home.x.j2",
            "",
            "home.x.j2: there is no template home.x; did you mean home?",
        ),
        (
            "card.j2",
            "\n{% block foot %}x{% endblock %}",
            "card.j2:2: card has no part foot; did you mean footer?",
        ),
        (
            "form_moment.j2",
            "{% block zzz %}x{% endblock %}",
            "form_moment.j2:1: form_moment has no part zzz, only body, close, title.",
        ),
        (
            "card.j2",
            "{# mine #}\n\nGrant {{ grant.id }}",
            "card.j2:3: this stands outside of every part and would never be shown.",
        ),
        (
            "card.j2",
            "{{ grant.id }}",
            "card.j2:1: this stands outside of every part and would never be shown.",
        ),
        (
            "card.j2",
            "{% if x %}{% block footer %}x{% endblock %}{% endif %}",
            "card.j2:1: this stands outside of every part and would never be shown.",
        ),
    ],
)
def test_what_could_never_be_said_is_found_at_the_start(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    """Wrong syntax, and what we have no place for, with file and line."""
    with pytest.raises(WordsError) as caught:
        overridden(tmp_path, name, text)
    assert caught.value.message == f"{tmp_path}/{said}"


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """The first as the sentence, the rest as hints, and where to read on."""
    (tmp_path / "home.j2").write_text("{% block x %}{% endblock %}", encoding="utf-8")
    with pytest.raises(WordsError) as caught:
        overridden(tmp_path, "card.j2", "{% if %}")
    assert "card.j2:1: " in caught.value.message
    assert "home.j2:1: home has no part x" in caught.value.hints[0]
    assert "docs/operate.md" in caught.value.hints[1]


def test_a_directory_without_templates_is_a_mistake(tmp_path: Path) -> None:
    """Files of other names would never be read."""
    (tmp_path / "card.jinja").write_text("x", encoding="utf-8")
    with pytest.raises(WordsError, match=r"holds no template: their names end in \.j2\."):
        Words(tmp_path)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything is sent."""
    with pytest.raises(WordsError, match="There is no directory"):
        Words(tmp_path / "nowhere")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Before anything is sent."""
    (tmp_path / "card.j2").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WordsError, match=r"card\.j2 cannot be read as UTF-8 text"):
        Words(tmp_path)


def test_every_line_can_be_said_differently() -> None:
    """Every event that is announced, or told in a card's thread, has a file of its own."""
    words = Words()
    assert all(words.has(f"audit/{kind.value}") for kind in ANNOUNCED)
    assert all(words.has(f"thread/{kind.value}") for kind in THREADED)


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
        "card.j2",
        "{% block footer %}\n one\n   two {{ br }} three  \n{{ code|fenced }}{% endblock %}",
    )
    assert words.mrkdwn("card", "footer", code="a\n  b") == "one two\nthree ```\na\n  b\n```"


def test_times_and_lengths(tmp_path: Path) -> None:
    """Where the reader is in Slack, UTC elsewhere."""
    words = overridden(
        tmp_path, "card.j2", "{% block footer %}{{ at|when }} {{ length|long }}{% endblock %}"
    )
    facts = {"at": datetime(2026, 3, 2, 9, 31, tzinfo=UTC), "length": timedelta(minutes=90)}
    assert words.mrkdwn("card", "footer", **facts) == (
        "<!date^1772443860^{date_short_pretty} at {time}|2026-03-02 09:31 UTC> 1 h 30 min"
    )
    assert words.plain("card", "footer", **facts) == "2026-03-02 09:31 UTC 1 h 30 min"
