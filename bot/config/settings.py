"""The settings: environment variables, and the same names in `.env` (the environment wins).

A secret may be given as `NAME_FILE` with the path of a file that holds it. An empty variable is
one that is not set.
"""

import os
from collections.abc import Mapping
from enum import StrEnum, auto
from pathlib import Path
from typing import Annotated, Final, Literal, Self, cast

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.config.errors import ConfigurationError

ENV_FILE: Final = Path(".env")
SLACK_API: Final = "https://slack.com/api/"
SECRETS: Final = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "DATABASE_URL",
    "CURFEW_METRICS_TOKEN",
)
SECRET_LIMIT: Final = 16_384
DRIVERS: Final = {
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "sqlite": "sqlite+aiosqlite",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
"""What people write before `://`, and the driver that is meant."""


class Mode(StrEnum):
    """How the bot talks with Slack, or that it plays Slack itself."""

    SOCKET = auto()
    HTTP = auto()
    DEMO = auto()


def _database(value: SecretStr) -> SecretStr:
    scheme, separator, rest = value.get_secret_value().partition("://")
    if not separator or scheme not in DRIVERS:
        raise ValueError(
            "is no database that Curfew knows; write sqlite+aiosqlite:///curfew.db or"
            " postgresql://user@host/name"
        )
    return SecretStr(f"{DRIVERS[scheme]}://{rest}")


def _api(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError(f"has to be a URL such as {SLACK_API}")
    return value if value.endswith("/") else f"{value}/"


def _token(prefix: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(prefix):
            raise ValueError(f"does not begin with {prefix}: it is another kind of token")
        return value

    return AfterValidator(check)


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class SecretFiles(EnvSettingsSource):
    """`NAME_FILE` for each of `SECRETS`, from the environment or `.env`."""

    def __init__(self, settings_cls: type[BaseSettings], given: Mapping[str, str | None]) -> None:
        """`given` holds all variables, those of `.env` included."""
        super().__init__(settings_cls)
        self.given = given

    def __call__(self) -> dict[str, str]:
        found = {}
        for name in SECRETS:
            path = self.given.get(f"{name}_FILE")
            if path:
                if self.given.get(name):
                    raise ConfigurationError(
                        f"Both {name} and {name}_FILE are set.", hints=("Keep one of the two.",)
                    )
                found[name] = _secret(name, Path(path))
        return found


class Settings(BaseSettings):
    """All that the environment says. Secrets show no repr."""

    model_config = SettingsConfigDict(
        case_sensitive=True,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    slack_bot_token: Annotated[SecretStr, _token("xoxb-")] | None = Field(
        None, validation_alias="SLACK_BOT_TOKEN"
    )
    slack_app_token: Annotated[SecretStr, _token("xapp-")] | None = Field(
        None, validation_alias="SLACK_APP_TOKEN"
    )
    slack_signing_secret: SecretStr | None = Field(None, validation_alias="SLACK_SIGNING_SECRET")
    slack_api_url: Annotated[str, AfterValidator(_api)] = Field(
        SLACK_API, validation_alias="SLACK_API_URL"
    )
    policy: Path = Field(Path("policy.yml"), validation_alias="CURFEW_POLICY")
    database_url: Annotated[SecretStr, AfterValidator(_database)] = Field(
        SecretStr("sqlite+aiosqlite:///curfew.db"), validation_alias="DATABASE_URL"
    )
    host: str = Field("127.0.0.1", validation_alias="CURFEW_HOST")
    port: int = Field(3000, validation_alias="CURFEW_PORT", ge=0, le=65_535)
    templates: Path | None = Field(None, validation_alias="CURFEW_TEMPLATES")
    audit_key: Path = Field(Path("audit.key"), validation_alias="CURFEW_AUDIT_KEY")
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = Field("INFO", validation_alias="CURFEW_LOG_LEVEL")
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] | None = Field(
        None, validation_alias="CURFEW_LOG_FORMAT"
    )
    metrics_token: SecretStr | None = Field(None, validation_alias="CURFEW_METRICS_TOKEN")

    @property
    def mode(self) -> Mode:
        """Socket Mode wins over HTTP; without any Slack variable it is the demo."""
        if self.slack_bot_token is None:
            return Mode.DEMO
        return Mode.HTTP if self.slack_app_token is None else Mode.SOCKET

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the operator should be told at the start, a sentence each."""
        if self.slack_app_token is not None and self.slack_signing_secret is not None:
            what = "Both SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are set"
            return (f"{what}: Socket Mode is used and /slack/events is not served.",)
        return ()

    def log_format_for(self, *, terminal: bool) -> Literal["console", "json"]:
        """As set; else for people on a terminal and for machines elsewhere."""
        return self.log_format or ("console" if terminal else "json")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before `.env`, and the files that either names."""
        del file_secret_settings
        dotenv = cast("EnvSettingsSource", dotenv_settings).env_vars
        environ = cast("EnvSettingsSource", env_settings).env_vars
        files = SecretFiles(settings_cls, {**dotenv, **environ})
        return init_settings, files, env_settings, dotenv_settings

    def checked(self) -> Self:
        """Itself. Raises `ConfigurationError` when some Slack variables are set and others miss."""
        bot, app, secret = self.slack_bot_token, self.slack_app_token, self.slack_signing_secret
        if bot is not None and app is None and secret is None:
            raise ConfigurationError(
                "SLACK_BOT_TOKEN alone is not enough.",
                hints=(
                    "Set SLACK_APP_TOKEN (xapp-…) for Socket Mode.",
                    "Or set SLACK_SIGNING_SECRET for HTTP.",
                ),
            )
        if bot is None and (app is not None or secret is not None):
            name = "SLACK_APP_TOKEN" if app is not None else "SLACK_SIGNING_SECRET"
            raise ConfigurationError(
                f"{name} is set and SLACK_BOT_TOKEN is not.",
                hints=(
                    "Set SLACK_BOT_TOKEN (xoxb-…), from OAuth & Permissions of your Slack app.",
                    "Or unset all of Slack's variables for the demo.",
                ),
            )
        return self


def read_settings(env_file: Path | None = ENV_FILE) -> Settings:
    """The settings of this process.

    Raises `ConfigurationError` with one sentence, and a hint for each thing that is wrong.
    """
    try:
        # The names in the call are pydantic-settings' own.
        return Settings(_env_file=env_file, _env_file_encoding="utf-8").checked()
    except ValidationError as error:
        found = [_sentence(str(e["loc"][0]), e["msg"]) for e in error.errors(include_input=False)]
        raise ConfigurationError(found[0], hints=(*found[1:], "See .env.example.")) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{env_file} is not UTF-8.", hints=("Save it as UTF-8.",)
        ) from None


def environment(env_file: Path | None = ENV_FILE) -> dict[str, str]:
    """All variables, for `${NAME}` in the policy: `.env`, and above it the environment."""
    given = dotenv_values(env_file) if env_file is not None and env_file.is_file() else {}
    return {name: value for name, value in given.items() if value is not None} | dict(os.environ)


def _sentence(name: str, message: str) -> str:
    text = message.removeprefix("Value error, ")
    if text == message:
        text = f"is not right: {text[:1].lower()}{text[1:]}"
    return f"{name} {text}."


def _secret(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(SECRET_LIMIT).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        # The text of a decoding error quotes what was read.
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigurationError(
            f"{path}, named by {name}_FILE, cannot be read: {why}.",
            hints=("Correct the path, or make it readable for the bot.",),
        ) from None
    if not text:
        raise ConfigurationError(
            f"{path}, named by {name}_FILE, is empty.", hints=(f"Put {name} into it.",)
        )
    return text
