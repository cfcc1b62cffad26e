"""The settings: what the environment, `.env` and secret files say together."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.config.errors import ConfigurationError
from bot.config.settings import SECRETS, Mode, Settings, environment, read_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine that runs the tests is seen."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "CURFEW_", "DATABASE_URL")):
            monkeypatch.delenv(name)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def refusal(env_file: Path, text: str) -> ConfigurationError:
    env_file.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        read_settings(env_file)
    assert error.value.message.endswith(".")
    assert error.value.hints
    return error.value


def plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def test_nothing_set(env_file: Path) -> None:
    """With nothing set everything has its default, and it is the demo."""
    settings = read_settings(env_file)

    assert settings.mode is Mode.DEMO
    assert settings.slack_api_url == "https://slack.com/api/"
    assert plain(settings.database_url) == "sqlite+aiosqlite:///curfew.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 3000)
    assert (str(settings.policy), str(settings.audit_key)) == ("policy.yml", "audit.key")
    assert (settings.log_level, settings.metrics_token) == ("INFO", None)
    assert settings.log_format_for(terminal=True) == "console"
    assert settings.log_format_for(terminal=False) == "json"
    assert settings.remarks == ()


def test_everything_set(env_file: Path) -> None:
    """Each variable is read, whatever the case of words that have none."""
    env_file.write_text(
        "SLACK_BOT_TOKEN=xoxb-1\nSLACK_APP_TOKEN=xapp-1\nSLACK_SIGNING_SECRET=s\n"
        "SLACK_API_URL=http://127.0.0.1:9/api\nCURFEW_POLICY=p.yml\n"
        "DATABASE_URL=postgresql+psycopg://u:p@h/d\nCURFEW_HOST=0.0.0.0\nCURFEW_PORT=8080\n"
        "CURFEW_AUDIT_KEY=k\nCURFEW_LOG_LEVEL=debug\nCURFEW_LOG_FORMAT=JSON\n"
        "CURFEW_METRICS_TOKEN=m\n"
    )
    settings = read_settings(env_file)

    assert settings.mode is Mode.SOCKET
    assert "Socket Mode" in settings.remarks[0]
    assert plain(settings.slack_bot_token) == "xoxb-1"
    assert plain(settings.slack_app_token) == "xapp-1"
    assert plain(settings.slack_signing_secret) == "s"
    assert settings.slack_api_url == "http://127.0.0.1:9/api/"
    assert (str(settings.policy), str(settings.audit_key)) == ("p.yml", "k")
    assert plain(settings.database_url) == "postgresql+psycopg://u:p@h/d"
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)  # noqa: S104 - only compared
    assert (settings.log_level, settings.log_format_for(terminal=True)) == ("DEBUG", "json")
    assert plain(settings.metrics_token) == "m"


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("SLACK_BOT_TOKEN=xoxb-1\nSLACK_APP_TOKEN=xapp-1", Mode.SOCKET),
        ("SLACK_BOT_TOKEN=xoxb-1\nSLACK_SIGNING_SECRET=s", Mode.HTTP),
        ("SLACK_BOT_TOKEN=\nSLACK_APP_TOKEN=\n", Mode.DEMO),
    ],
)
def test_modes(env_file: Path, text: str, mode: Mode) -> None:
    """The Slack variables say how the bot talks; an empty one is not set."""
    env_file.write_text(text)
    settings = read_settings(env_file)

    assert settings.mode is mode
    assert settings.remarks == ()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"),
        ("sqlite+aiosqlite:////var/x.db", "sqlite+aiosqlite:////var/x.db"),
    ],
)
def test_databases(env_file: Path, given: str, meant: str) -> None:
    """A plain URL gets the driver that Curfew uses."""
    env_file.write_text(f"DATABASE_URL={given}")

    assert plain(read_settings(env_file).database_url) == meant


def test_the_environment_wins(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set in the environment overrides `.env`, for settings and policy alike."""
    env_file.write_text("CURFEW_HOST=10.0.0.1\nCURFEW_PORT=1\nORDERS_DSN=from-file\nBARE\n")
    monkeypatch.setenv("CURFEW_HOST", "10.0.0.2")
    settings = read_settings(env_file)
    variables = environment(env_file)

    assert (settings.host, settings.port) == ("10.0.0.2", 1)
    assert (variables["CURFEW_HOST"], variables["ORDERS_DSN"]) == ("10.0.0.2", "from-file")
    assert "BARE" not in variables
    assert "ORDERS_DSN" not in environment(None)


@pytest.mark.parametrize("name", SECRETS)
def test_secret_files(env_file: Path, tmp_path: Path, name: str) -> None:
    """Each secret may come from a file, less the blanks around it."""
    values = {
        "SLACK_BOT_TOKEN": "xoxb-file",
        "SLACK_APP_TOKEN": "xapp-file",
        "DATABASE_URL": "postgresql+psycopg://file",
    }
    value = values.get(name, "file")
    (tmp_path / "secret").write_text(f"{value}\n")
    others = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    others.pop(name, None)
    lines = [f"{name}_FILE={tmp_path / 'secret'}", *(f"{k}={v}" for k, v in others.items())]
    env_file.write_text("\n".join(lines))
    settings = read_settings(env_file)

    field = name.lower().removeprefix("curfew_")
    assert plain(getattr(settings, field)) == value
    assert value not in repr(settings)


def test_secret_file_of_the_environment(
    env_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path may stand in the environment too."""
    (tmp_path / "secret").write_text("file")
    monkeypatch.setenv("CURFEW_METRICS_TOKEN_FILE", str(tmp_path / "secret"))

    assert plain(read_settings(env_file).metrics_token) == "file"


def test_wrong_secret_files(env_file: Path, tmp_path: Path) -> None:
    """A missing, empty or unreadable secret file is told by its variable, never quoted."""
    secret = tmp_path / "secret"
    line = f"CURFEW_METRICS_TOKEN_FILE={secret}"
    missing = refusal(env_file, line)
    secret.write_text(" \n")
    empty = refusal(env_file, line)
    secret.write_bytes(b"\xffhunter2")
    binary = refusal(env_file, line)
    secret.write_text("fine")
    twice = refusal(env_file, f"{line}\nCURFEW_METRICS_TOKEN=x")

    assert "No such file" in missing.message
    assert "is empty" in empty.message
    assert "not UTF-8" in binary.message
    assert "hunter2" not in str(binary)
    assert twice.message == "Both CURFEW_METRICS_TOKEN and CURFEW_METRICS_TOKEN_FILE are set."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SLACK_BOT_TOKEN=xoxb-1", "SLACK_BOT_TOKEN alone is not enough."),
        ("SLACK_APP_TOKEN=xapp-1", "SLACK_APP_TOKEN is set and SLACK_BOT_TOKEN is not."),
        ("SLACK_SIGNING_SECRET=s", "SLACK_SIGNING_SECRET is set and SLACK_BOT_TOKEN is not."),
        ("SLACK_BOT_TOKEN=xapp-hunter2", "SLACK_BOT_TOKEN does not begin with xoxb-"),
        ("SLACK_APP_TOKEN=xoxb-hunter2", "SLACK_APP_TOKEN does not begin with xapp-"),
        ("SLACK_API_URL=slack.com", "SLACK_API_URL has to be a URL"),
        ("DATABASE_URL=mysql://u:hunter2@h/d", "DATABASE_URL is no database"),
        ("DATABASE_URL=hunter2", "DATABASE_URL is no database"),
        ("CURFEW_PORT=http", "CURFEW_PORT is not right"),
        ("CURFEW_PORT=65536", "CURFEW_PORT is not right"),
        ("CURFEW_LOG_LEVEL=loud", "CURFEW_LOG_LEVEL is not right"),
        ("CURFEW_LOG_FORMAT=xml", "CURFEW_LOG_FORMAT is not right"),
    ],
)
def test_wrong(env_file: Path, text: str, said: str) -> None:
    """A wrong setting is named in one sentence, with the way out and without its secret."""
    error = refusal(env_file, text)

    assert error.message.startswith(said)
    assert "hunter2" not in error.message + " ".join(error.hints)


def test_several_wrong(env_file: Path) -> None:
    """What else is wrong stands among the hints."""
    error = refusal(env_file, "CURFEW_PORT=x\nCURFEW_LOG_FORMAT=xml")

    assert "CURFEW_PORT" in error.message
    assert "CURFEW_LOG_FORMAT" in error.hints[0]


def test_bytes_in_env(env_file: Path) -> None:
    """An `.env` that is not UTF-8 is told."""
    env_file.write_bytes(b"CURFEW_HOST=\xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_settings(env_file)


def test_no_secret_shows(env_file: Path) -> None:
    """The repr of the settings shows no secret."""
    env_file.write_text(
        "SLACK_BOT_TOKEN=xoxb-hunter2\nSLACK_APP_TOKEN=xapp-hunter2\n"
        "DATABASE_URL=postgresql://u:hunter2@h/d\nCURFEW_METRICS_TOKEN=hunter2"
    )

    assert "hunter2" not in repr(read_settings(env_file))


def test_the_example_names_every_variable() -> None:
    """`.env.example` has each variable, and marks those that may come from a file."""
    example = (ROOT / ".env.example").read_text()
    names = {str(field.validation_alias) for field in Settings.model_fields.values()}

    assert len(names) == 13
    for name in names:
        assert f"#{name}=" in example
        comment = example.split(f"#{name}=")[0].rsplit("\n\n", 1)[1]
        assert ("(F)" in comment) is (name in SECRETS), name


def test_the_example_is_right(env_file: Path) -> None:
    """Uncommented as it stands, each line of the example that has a value is accepted."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    given = [line[1:] for line in lines if line.startswith("#") and "=" in line.split(" ")[0]]
    env_file.write_text("\n".join(given))

    assert len(given) >= 12
    assert read_settings(env_file).mode is Mode.SOCKET
