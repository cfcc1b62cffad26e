"""What the policy says of a Vault and of what is given from it."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters._http import Address
from adapters.base import GrantParams, ProviderSettings

_PATH = re.compile(r"[A-Za-z0-9_][\w.@ -]*(?:/[\w.@ -]+)*", re.ASCII)


def vault_path(path: str) -> str:
    """A path below `/v1/`, without a slash at either end."""
    if not _PATH.fullmatch(path) or {"", ".", ".."} & set(path.split("/")):
        raise ValueError(f"{path!r} is no path of Vault, such as database/creds/orders")
    return path


def policy_name(name: str) -> str:
    if name in {"root", "default"} or not re.fullmatch(r"[a-z0-9][\w.-]*", name, re.ASCII):
        raise ValueError(f"{name!r} is no policy that can be given")
    return name


Path = Annotated[str, AfterValidator(vault_path), Field(max_length=200)]
PolicyName = Annotated[str, AfterValidator(policy_name), Field(max_length=120)]


class AppRole(BaseModel):
    """The bot's own login by AppRole."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    role_id: str = Field(min_length=1)
    secret_id: SecretStr = Field(min_length=1)
    mount: Path = "approle"


class Rotation(BaseModel):
    """Who makes a new value of a secret when it comes back: a service of one's own."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Address
    token: SecretStr = Field(min_length=1)


class VaultSettings(ProviderSettings):
    """The provider's block."""

    address: Address
    token: SecretStr | None = Field(default=None, min_length=1)
    approle: AppRole | None = None
    namespace: str | None = Field(default=None, pattern=r"^[\w-]+(/[\w-]+)*/?$")
    people_from: str | None = Field(default=None, min_length=1)
    rotation: Rotation | None = None
    connections: int = Field(default=8, ge=1, le=50)

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.token is None) == (self.approle is None):
            raise ValueError("either token or approle is needed")
        return self


class VaultParams(GrantParams):
    """A resource's `grant` block: a token, dynamic credentials, a group, or a secret."""

    policies: Annotated[tuple[PolicyName, ...], Field(max_length=20)] = ()
    creds: Path | None = None
    group: str | None = Field(default=None, pattern=r"^[\w.@-]+( [\w.@-]+)*$", max_length=120)
    secret: Path | None = None
    mount: Path = "secret"

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [bool(self.policies), self.group is not None, self.secret is not None]
        if sum(forms) != 1:
            raise ValueError("exactly one of policies, group and secret is needed")
        if self.creds and not self.policies:
            raise ValueError("creds needs policies: those that may read that path")
        if "mount" in self.model_fields_set and not self.secret:
            raise ValueError("mount belongs to secret")
        return self
