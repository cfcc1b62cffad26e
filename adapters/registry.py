"""Kinds of adapter by name: the entry points of the group `curfew.adapters`.

Built-in adapters and other people's come by the same road, and only what the policy names is ever
imported: an adapter brings its provider's library with it.
"""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from adapters.base import Adapter

GROUP = "curfew.adapters"


class UnusableAdapterError(Exception):
    """A kind that cannot be used. `hint` is the way out."""

    def __init__(self, message: str, *, hint: str) -> None:
        """`message` is one sentence that ends with a full stop."""
        super().__init__(message)
        self.message = message
        self.hint = hint


def available() -> tuple[str, ...]:
    """The kinds that are installed, sorted; imports none of them."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def load(kind: str) -> type[Adapter]:
    """The adapter class of a kind; imports this one and no other.

    Raises `UnusableAdapterError` for an unknown kind, one kind from two packages, a library that
    is not installed, or something that is no adapter.
    """
    found = entry_points(group=GROUP, name=kind)
    points = sorted({(point.value, point) for point in found}, key=lambda pair: pair[0])
    if not points:
        raise UnusableAdapterError(f"There is no adapter called {kind}.", hint=_others(kind))
    if len(points) > 1:
        modules = " and ".join(value for value, _ in points)
        raise UnusableAdapterError(
            f"Two installed packages bring an adapter called {kind}: {modules}.",
            hint="Uninstall one of them.",
        )
    return _adapter_class(kind, points[0][1])


def _adapter_class(kind: str, point: EntryPoint) -> type[Adapter]:
    try:
        loaded: object = point.load()
    except ModuleNotFoundError as error:
        extra = kind.partition("_")[0]  # aws_iam and its like share one
        raise UnusableAdapterError(
            f"The adapter {kind} needs {error.name}, which is not installed.",
            hint=f"In a checkout: make adapters. Else: pip install 'curfew[{extra}]'.",
        ) from error
    except (ImportError, AttributeError) as error:
        raise UnusableAdapterError(
            f"The adapter {kind} could not be loaded from {point.value}: {error}.",
            hint="Reinstall the package that it comes from.",
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Adapter)):
        raise UnusableAdapterError(
            f"{point.value} is no adapter.",
            hint=f"The entry point {kind} must name a subclass of adapters.base.Adapter.",
        )
    if getattr(loaded, "kind", None) != kind:
        raise UnusableAdapterError(
            f"{point.value} calls itself {getattr(loaded, 'kind', 'nothing')}, not {kind}.",
            hint="The entry point's name and the class's `kind` must be the same word.",
        )
    return loaded


def _others(kind: str) -> str:
    names = available()
    if not names:
        return "No adapter is installed: run make setup."
    near = _nearest(kind, names)
    question = f"Did you mean {near}? " if near else ""
    return f"{question}Installed are: {', '.join(names)}."


def _nearest(kind: str, names: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

    return next(iter(get_close_matches(kind.casefold(), list(names), n=1)), None)
