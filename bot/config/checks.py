"""What the parts of a policy mean together: possible numbers, known names, nothing twice."""

import json
from collections.abc import Callable
from datetime import timedelta
from difflib import get_close_matches

from adapters.base import Adapter
from adapters.registry import UnusableAdapterError
from bot.config.problems import Severity
from bot.config.schema import NOT_YET, PolicyFile, ResourceBlock
from bot.config.shape import read_block, value_at
from bot.config.yaml_tree import Document, Path
from bot.domain.defaults import MAX_DURATION
from bot.domain.durations import compact

Kinds = Callable[[str], type[Adapter]]
"""The adapter class of a kind; raises `UnusableAdapterError`."""


def check_resources(document: Document, file: PolicyFile) -> None:
    """Notes what a resource lacks, numbers that cannot be, and keys that do nothing yet."""
    _check_defaults(document, file)
    for name, resource in file.resources.items():
        path: Path = ("resources", name)
        written = value_at(document.data, path)
        for key in ("provider", "requesters"):
            if isinstance(written, dict) and key not in written:
                document.problem(
                    path,
                    "missing_key",
                    f"The key “{key}” is missing.",
                    hint=f"Add {key}: here.",
                    at_key=True,
                )
        _check_numbers(document, file, path, resource)
    _note_not_yet(document)
    _note_twins(document, file)


def check_providers(document: Document, file: PolicyFile, *, kinds: Kinds) -> None:
    """Notes unknown adapters and providers, and what adapters do not accept."""
    adapters: dict[str, type[Adapter]] = {}
    for name, provider in file.providers.items():
        adapter = _loaded(document, name, provider.adapter, kinds)
        if adapter is None:
            continue
        adapters[name] = adapter
        read_block(
            document, adapter.Settings, provider.model_extra or {}, prefix=("providers", name)
        )
    for name, resource in file.resources.items():
        _check_provider_of(document, file, name, resource, adapters)
    used = {resource.provider for resource in file.resources.values()}
    for name in file.providers.keys() - used:
        document.problem(
            ("providers", name),
            "unused",
            f"The provider {name} is not used.",
            hint="Remove it, or name it in a resource.",
            severity=Severity.WARNING,
            at_key=True,
        )
    _check_names(document, file)


def _check_defaults(document: Document, file: PolicyFile) -> None:
    usual, longest = file.defaults.duration, file.defaults.max_duration
    if usual is not None and longest is not None and usual > longest:
        document.problem(
            ("defaults", "duration"),
            "impossible",
            f"The usual duration of {compact(usual)} is longer than the longest,"
            f" {compact(longest)}.",
            hint="Lower duration or raise max_duration.",
        )


def _check_numbers(
    document: Document, file: PolicyFile, path: Path, resource: ResourceBlock
) -> None:
    own, ceiling = resource.max_duration, file.defaults.max_duration
    if own is not None and ceiling is not None and own > ceiling:
        document.problem(
            (*path, "max_duration"),
            "impossible",
            f"{compact(own)} is longer than the {compact(ceiling)} that defaults allow.",
            hint="Lower it, or raise max_duration under defaults.",
        )
    _check_usual(document, path, resource, own or ceiling or MAX_DURATION)
    limit = resource.limit
    if limit is not None and limit.total > limit.per:
        document.problem(
            (*path, "limit", "total"),
            "impossible",
            f"No {compact(limit.total)} fit into {compact(limit.per)}.",
            hint="Lower total or raise per.",
        )
    if limit is not None and resource.duration is not None and resource.duration > limit.total:
        document.problem(
            (*path, "limit", "total"),
            "suspicious",
            f"The usual {compact(resource.duration)} is more than the limit allows.",
            hint="Raise total or lower duration.",
            severity=Severity.WARNING,
        )
    within, remind = resource.decide_within, resource.remind_after
    if within is not None and remind is not None and remind >= within:
        document.problem(
            (*path, "remind_after"),
            "suspicious",
            "Nobody is ever reminded: the request lapses before.",
            hint="Lower remind_after or raise decide_within.",
            severity=Severity.WARNING,
        )


def _check_usual(
    document: Document, path: Path, resource: ResourceBlock, longest: timedelta
) -> None:
    if resource.duration is not None and resource.duration > longest:
        document.problem(
            (*path, "duration"),
            "impossible",
            f"The usual duration of {compact(resource.duration)} is longer than the longest,"
            f" {compact(longest)}.",
            hint="Lower duration or raise max_duration.",
        )
    if resource.warn_before is not None and resource.warn_before * 2 >= longest:
        document.problem(
            (*path, "warn_before"),
            "suspicious",
            "Nobody is ever warned: warnings are sent for grants more than twice as long.",
            hint="Lower warn_before.",
            severity=Severity.WARNING,
        )


def _note_not_yet(document: Document) -> None:
    resources = value_at(document.data, ("resources",))
    for name, written in resources.items() if isinstance(resources, dict) else ():
        for key in NOT_YET:
            if isinstance(written, dict) and key in written:
                document.problem(
                    ("resources", name, key),
                    "not_available",
                    f"{key} is not yet available.",
                    hint="Take it out; nothing would come of it.",
                    at_key=True,
                )


def _note_twins(document: Document, file: PolicyFile) -> None:
    first: dict[str, str] = {}
    for name, resource in file.resources.items():
        if resource.provider is None:
            continue
        thing = json.dumps([resource.provider, resource.grant], sort_keys=True, default=str)
        other = first.setdefault(thing, name)
        if other != name:
            document.problem(
                ("resources", name),
                "same_thing",
                f"{name} gives the same thing as {other}.",
                hint="Make them one, or give them different grants.",
                severity=Severity.WARNING,
                at_key=True,
            )


def _loaded(document: Document, name: str, kind: str, kinds: Kinds) -> type[Adapter] | None:
    try:
        return kinds(kind)
    except UnusableAdapterError as error:
        document.problem(
            ("providers", name, "adapter"), "unknown_adapter", error.message, hint=error.hint
        )
        return None


def _check_provider_of(
    document: Document,
    file: PolicyFile,
    name: str,
    resource: ResourceBlock,
    adapters: dict[str, type[Adapter]],
) -> None:
    path: Path = ("resources", name)
    written = value_at(document.data, ("providers",))
    if resource.provider is None:
        return
    if resource.provider in adapters:
        adapter = adapters[resource.provider]
        read_block(document, adapter.Params, resource.grant, prefix=(*path, "grant"))
        _note_decimals(document, resource.grant, (*path, "grant"))
    elif not isinstance(written, dict) or resource.provider not in written:
        near = get_close_matches(resource.provider, sorted(file.providers), n=1)
        known = ", ".join(sorted(file.providers)) or "none yet"
        document.problem(
            (*path, "provider"),
            "unknown_provider",
            f"There is no provider {resource.provider}.",
            hint=f"Did you mean {near[0]}?" if near else f"Known are: {known}.",
        )


def _note_decimals(document: Document, value: object, path: Path) -> None:
    """The audit log keeps what is granted, and no decimals: machines may differ on them."""
    if isinstance(value, float):
        document.problem(
            path, "wrong_type", "A grant holds no decimal numbers.", hint="Put it in quotes."
        )
    elif isinstance(value, dict):
        for key, inner in value.items():
            _note_decimals(document, inner, (*path, key))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            _note_decimals(document, inner, (*path, n))


def _check_names(document: Document, file: PolicyFile) -> None:
    """Keys below a person are adapter kinds or a provider's name."""
    known = {provider.adapter for provider in file.providers.values()} | set(file.providers)
    people = value_at(document.data, ("people",))
    for person, names in people.items() if isinstance(people, dict) else ():
        for key in names if isinstance(names, dict) else ():
            if key not in known:
                document.problem(
                    ("people", person, key),
                    "unused",
                    f"“{key}” is neither a provider here nor the adapter of one.",
                    hint=f"Known are: {', '.join(sorted(known))}.",
                    severity=Severity.WARNING,
                    at_key=True,
                )
