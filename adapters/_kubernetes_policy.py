"""What the policy says of a cluster and of what is given in it."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters._http import Address
from adapters._kubernetes_objects import Binding
from adapters.base import GrantParams, ProviderSettings

INSIDE = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its own token and the cluster's certificate."""

Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


def role_name(name: str) -> str:
    """A name that RBAC takes, and that can stand in a path."""
    if not name or name in {".", ".."} or set(name) & set("/%?#") or not name.isprintable():
        raise ValueError(f"{name!r} is no name of a role")
    return name


RoleName = Annotated[str, AfterValidator(role_name), Field(max_length=253)]


class Entry(BaseModel):
    """Where people connect, when that is not where the bot does. Each part may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    server: Address | None = None
    ca_file: Path | None = None


class KubernetesSettings(ProviderSettings):
    """The provider's block. Inside the cluster nothing has to be said."""

    server: Address = "https://kubernetes.default.svc"
    token: SecretStr | None = Field(default=None, min_length=1)
    token_file: Path | None = None
    ca_file: Path | None = None
    namespace: Namespace = "curfew"
    user_prefix: str = ""
    connect: Entry = Field(default_factory=Entry)
    connections: int = Field(default=8, ge=1, le=50)

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("token or token_file, not both")
        return self

    @property
    def is_inside(self) -> bool:
        return self.token is None and self.token_file is None

    @property
    def authority(self) -> Path | None:
        """The file with the certificate of who signed the API server's own."""
        if self.ca_file is None and self.is_inside:
            return INSIDE / "ca.crt"
        return self.ca_file


class KubernetesParams(GrantParams):
    """A resource's `grant` block."""

    role: RoleName | None = None
    cluster_role: RoleName | None = None
    namespace: Namespace | None = None
    login: Literal["temporary", "existing"] = "temporary"

    @model_validator(mode="after")
    def _one_role(self) -> Self:
        if (self.role is None) == (self.cluster_role is None):
            raise ValueError("either role or cluster_role is needed")
        if self.role is not None and self.namespace is None:
            raise ValueError("a role lives in a namespace: say which, or name a cluster_role")
        return self

    @property
    def binding(self) -> Binding:
        if self.role is not None:
            return Binding("Role", self.role, self.namespace)
        return Binding("ClusterRole", str(self.cluster_role), self.namespace)
