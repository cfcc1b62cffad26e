"""Every key of the policy file. What the keys mean together is checked in `checks`.

Keys that are optional here and needed there are those whose absence is told with the others.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot.config.values import (
    AnyPrincipal,
    Channel,
    Duration,
    GroupName,
    Pattern,
    PersonKey,
    ProviderName,
    ResourceName,
    wrong,
)


class Block(BaseModel):
    """Unknown keys are errors, and nothing is taken for what it is not."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class ChannelsBlock(Block):
    approvals: Channel
    audit: Channel


class ReasonBlock(Block):
    min_length: Annotated[int, Field(ge=0, le=1000)] | None = None
    pattern: Pattern | None = None


class DefaultsBlock(Block):
    duration: Duration | None = None
    max_duration: Duration | None = None
    decide_within: Duration | None = None
    remind_after: Duration | None = None
    warn_before: Duration | None = None
    approvals: Annotated[int, Field(ge=0, le=20)] | None = None
    reason: ReasonBlock | None = None


class LimitBlock(Block):
    total: Duration
    per: Duration


class ExtendBlock(Block):
    approvals: Annotated[int, Field(ge=0, le=20)]


class NeverBlock(ExtendBlock):
    """What the word `never` stands for."""

    approvals: int = 0


def _extend(value: object) -> object:
    if value == "never":
        return NeverBlock()
    if isinstance(value, dict):
        return value
    raise wrong(
        "extend",
        "never or a number of approvals is expected here.",
        "Write never or {approvals: 1}.",
    )


class EscalateBlock(Block):
    after: Duration
    to: Annotated[list[AnyPrincipal], Field(min_length=1)]


class EndWhenBlock(Block):
    sessions_closed: Duration | None = None
    unused_for: Duration | None = None
    incident_resolved: bool | None = None


class EmergencyBlock(Block):
    requesters: Annotated[list[AnyPrincipal], Field(min_length=1)]
    max_duration: Duration
    reviewers: Annotated[list[AnyPrincipal], Field(min_length=1)]
    review_within: Duration


class ExceptionBlock(Block):
    max_duration: Duration
    approvals: Annotated[int, Field(ge=1, le=20)]
    approvers: Annotated[list[AnyPrincipal], Field(min_length=1)]
    confirm_every: Duration


class ProviderBlock(BaseModel):
    """The rest of its keys are the adapter's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, hide_input_in_errors=True)

    adapter: str


class ResourceBlock(Block):
    about: Annotated[str, Field(max_length=200)] = ""
    provider: str | None = None
    grant: dict[str, object] = Field(default_factory=dict)
    requesters: list[AnyPrincipal] | None = None
    approvers: list[AnyPrincipal] = Field(default_factory=list)
    channel: Channel | None = None
    approvals: Annotated[int, Field(ge=0, le=20)] | None = None
    duration: Duration | None = None
    max_duration: Duration | None = None
    decide_within: Duration | None = None
    remind_after: Duration | None = None
    warn_before: Duration | None = None
    reason: ReasonBlock | None = None
    limit: LimitBlock | None = None
    cooldown: Duration | None = None
    extend: Annotated[ExtendBlock | None, BeforeValidator(_extend)] = None
    escalate: EscalateBlock | None = None
    end_when: EndWhenBlock | None = None
    emergency: EmergencyBlock | None = None
    exception: ExceptionBlock | None = None


class PolicyFile(Block):
    """The keys at the top, in the order in which people write them."""

    version: Literal[1]
    channels: ChannelsBlock
    admins: list[AnyPrincipal] = Field(default_factory=list)
    groups: dict[GroupName, list[AnyPrincipal]] = Field(default_factory=dict)
    defaults: DefaultsBlock = DefaultsBlock()
    providers: dict[ProviderName, ProviderBlock]
    resources: dict[ResourceName, ResourceBlock]
    people: dict[PersonKey, dict[str, str]] = Field(default_factory=dict)


NOT_YET: tuple[str, ...] = ("emergency", "exception", "escalate", "end_when")
"""Keys of a resource that are read and checked, but do nothing yet; refused until they do."""
