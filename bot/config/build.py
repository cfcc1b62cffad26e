"""From the blocks of a file in which nothing is wrong to the policy."""

from typing import TypeVar

from bot.config.people_checks import Groups, effective_approvals, groups_of
from bot.config.schema import NeverBlock, PolicyFile, ReasonBlock, ResourceBlock
from bot.domain.defaults import (
    DECIDE_WITHIN,
    DURATION,
    MAX_DURATION,
    REASON_LENGTH,
    REMIND_AFTER,
    WARN_BEFORE,
)
from bot.domain.policy import (
    Channels,
    ExtendRule,
    Limit,
    Policy,
    Provider,
    ReasonRule,
    Resource,
)
from bot.domain.principal import expand

T = TypeVar("T")


def build(file: PolicyFile, *, digest: str) -> Policy:
    """The policy; groups are expanded, defaults filled in. `digest` is that of the file."""
    groups = groups_of(file)
    providers = {
        name: Provider(name, block.adapter, dict(block.model_extra or {}))
        for name, block in file.providers.items()
    }
    return Policy(
        channels=Channels(file.channels.approvals, file.channels.audit),
        providers=providers,
        resources={
            name: _resource(name, block, file, providers, groups)
            for name, block in file.resources.items()
        },
        admins=expand(file.admins, groups),
        groups=groups,
        people={person: dict(names) for person, names in file.people.items()},
        digest=digest,
    )


def _resource(
    name: str,
    block: ResourceBlock,
    file: PolicyFile,
    providers: dict[str, Provider],
    groups: Groups,
) -> Resource:
    defaults = file.defaults
    longest = _first(block.max_duration, defaults.max_duration, MAX_DURATION)
    approvals = effective_approvals(file, block)
    return Resource(
        name=name,
        about=block.about,
        provider=providers[block.provider or ""],
        grant=block.grant,
        requesters=expand(block.requesters or (), groups),
        approvers=expand(block.approvers, groups),
        channel=block.channel,
        approvals=approvals,
        # A usual length from above that is longer than this resource allows is cut, not refused.
        duration=min(_first(block.duration, defaults.duration, DURATION), longest),
        max_duration=longest,
        decide_within=_first(block.decide_within, defaults.decide_within, DECIDE_WITHIN),
        remind_after=_first(block.remind_after, defaults.remind_after, REMIND_AFTER),
        warn_before=_first(block.warn_before, defaults.warn_before, WARN_BEFORE),
        reason=_reason(block.reason, defaults.reason),
        limit=None if block.limit is None else Limit(block.limit.total, block.limit.per),
        cooldown=block.cooldown,
        extend=_extend(block, approvals),
    )


def _extend(block: ResourceBlock, approvals: int) -> ExtendRule:
    """Without the key the resource's own approvals hold."""
    if block.extend is None:
        return ExtendRule(approvals)
    return ExtendRule(None if isinstance(block.extend, NeverBlock) else block.extend.approvals)


def _reason(block: ReasonBlock | None, defaults: ReasonBlock | None) -> ReasonRule:
    own, above = block or ReasonBlock(), defaults or ReasonBlock()
    pattern = own.pattern if own.pattern is not None else above.pattern
    return ReasonRule(_first(own.min_length, above.min_length, REASON_LENGTH), pattern)


def _first(own: T | None, above: T | None, built_in: T) -> T:
    if own is not None:
        return own
    return built_in if above is None else above
