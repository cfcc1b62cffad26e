"""What the words for people in a policy mean together: groups that exist, and enough approvers."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Final

from bot.config.problems import Severity
from bot.config.schema import PolicyFile, ResourceBlock
from bot.config.shape import value_at
from bot.config.yaml_tree import Document, Path
from bot.domain.defaults import APPROVALS
from bot.domain.principal import Principal, PrincipalKind, expand, parse_principal

LISTS: Final[tuple[Path, ...]] = (
    ("requesters",),
    ("approvers",),
    ("escalate", "to"),
    ("emergency", "requesters"),
    ("emergency", "reviewers"),
    ("exception", "approvers"),
)
"""Where lists of people stand in a resource."""

SINGLE: Final = {PrincipalKind.USER, PrincipalKind.EMAIL, PrincipalKind.MANAGER}
"""Words that mean one person each; how many the others mean is not in the file."""

Groups = Mapping[str, tuple[Principal, ...]]


def check_people(document: Document, file: PolicyFile) -> None:
    """Notes unknown and circular groups, on-call lists, misplaced managers, missing approvers."""
    groups = groups_of(file)
    used: set[str] = set()
    broken = _note_loops(document, groups)
    for path, word in _words(document):
        if word.kind is PrincipalKind.ONCALL:
            document.problem(
                path,
                "not_available",
                f"{word} is not yet available: no on-call source is connected.",
                hint="Name people or a user group instead.",
            )
        elif word.kind is PrincipalKind.GROUP:
            used.add(word.value)
            if word.value not in groups:
                _note_unknown(document, path, word, groups)
                broken |= {word.value}
    for name in groups.keys() - used:
        document.problem(
            ("groups", name),
            "unused",
            f"The group {name} is not used.",
            hint="Remove it, or name it as group:" + name + ".",
            severity=Severity.WARNING,
            at_key=True,
        )
    _note_managers(document, file, groups)
    unread = list(_faulty(document))
    wrong = {str(path[1]) for path in unread if path[0] == "resources"}
    broken |= {str(path[1]) for path in unread if path[0] == "groups"}
    faulty = _reaching(groups, broken)
    for name, resource in file.resources.items():
        named = {p.value for p in _all(resource) if p.kind is PrincipalKind.GROUP}
        if name not in wrong and not named & faulty:
            _check_count(document, file, name, groups)


def groups_of(file: PolicyFile) -> Groups:
    return {name: tuple(members) for name, members in file.groups.items()}


def effective_approvals(file: PolicyFile, resource: ResourceBlock) -> int:
    """How many have to agree: the resource's own number, the file's, else one."""
    if resource.approvals is not None:
        return resource.approvals
    return APPROVALS if file.defaults.approvals is None else file.defaults.approvals


def _check_count(document: Document, file: PolicyFile, name: str, groups: Groups) -> None:
    """Are there as many approvers as have to agree, the requester not counted?"""
    resource = file.resources[name]
    need = effective_approvals(file, resource)
    approvers = expand(resource.approvers, groups)
    if not need or any(word.kind not in SINGLE for word in approvers):
        return
    path: Path = ("resources", name, "approvers")
    if not approvers:
        document.problem(
            path,
            "nobody_can_approve",
            f"Nobody can approve {name}: it has no approvers.",
            hint="Add approvers, or approvals: 0 to give it at once.",
            severity=Severity.WARNING,
        )
    elif need > len(approvers):
        document.problem(
            ("resources", name, "approvals"),
            "too_few_approvers",
            f"{name} asks for {need} approvals and has {len(approvers)}"
            f" approver{'s' if len(approvers) > 1 else ''}.",
            hint="Lower approvals or add approvers.",
        )
    else:
        _check_own(document, name, need, approvers, expand(resource.requesters or (), groups))


def _check_own(
    document: Document,
    name: str,
    need: int,
    approvers: tuple[Principal, ...],
    requesters: tuple[Principal, ...],
) -> None:
    """Nobody approves their own request: is somebody left for everyone?"""
    if len(approvers) > need:
        return
    few = set(approvers)
    stuck = [requester for requester in requesters if requester in few]
    if not stuck:
        return
    document.problem(
        ("resources", name, "approvers"),
        "only_approver",
        f"{', '.join(map(str, stuck))} may ask for {name} and can never get it: nobody approves"
        " their own request, and too few others are approvers.",
        hint="Add an approver.",
        severity=Severity.WARNING,
    )


def _note_unknown(document: Document, path: Path, word: Principal, groups: Groups) -> None:
    near = get_close_matches(word.value, sorted(groups), n=1)
    document.problem(
        path,
        "unknown_group",
        f"There is no group {word.value}.",
        hint=f"Did you mean group:{near[0]}?" if near else f"Add it below groups: {word.value}: []",
    )


def _note_loops(document: Document, groups: Groups) -> set[str]:
    """Notes each loop of groups once; gives the groups that stand in one."""
    looped: set[str] = set()
    for start in groups:
        trail = _loop_from(start, groups)
        if trail and not looped & set(trail):
            looped |= set(trail)
            way = " → ".join([*trail, start])
            document.problem(
                ("groups", start),
                "group_loop",
                f"The group {start} is a member of itself: {way}.",
                hint="Take one of them out of another.",
                at_key=True,
            )
    return looped


def _loop_from(start: str, groups: Groups) -> list[str]:
    """The shortest way from a group back to itself, empty when there is none."""
    trails = [[start]]
    seen: set[str] = set()
    for trail in trails:  # grows while it is walked
        for member in groups.get(trail[-1], ()):
            if member.kind is not PrincipalKind.GROUP:
                continue
            if member.value == start:
                return trail
            if member.value not in seen:
                seen.add(member.value)
                trails.append([*trail, member.value])
    return []


def _reaching(groups: Groups, targets: set[str]) -> set[str]:
    """The groups from which one of the targets is reached, these included."""
    holders: dict[str, list[str]] = {}
    for name, members in groups.items():
        for member in members:
            if member.kind is PrincipalKind.GROUP:
                holders.setdefault(member.value, []).append(name)
    found: set[str] = set()
    left = list(targets)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(holders.get(name, ()))
    return found


def _note_managers(document: Document, file: PolicyFile, groups: Groups) -> None:
    """`manager` is the requester's, so it says something among approvers only."""
    lists: list[tuple[Path, list[Principal]]] = [(("admins",), file.admins)]
    for name, resource in file.resources.items():
        lists.append((("resources", name, "requesters"), resource.requesters or []))
    for path, words in lists:
        for word in words:
            if any(w.kind is PrincipalKind.MANAGER for w in expand([word], groups)):
                document.problem(
                    _place_of(document, path, word),
                    "misplaced_manager",
                    "manager means the requester's manager, so it can stand among approvers only.",
                    hint="Name the people or a user group.",
                )


def _place_of(document: Document, path: Path, word: Principal) -> Path:
    written = value_at(document.data, path)
    texts = written if isinstance(written, list) else []
    found = (n for n, t in enumerate(texts) if isinstance(t, str) and parse_principal(t) == word)
    return (*path, *islice(found, 1))


def _all(resource: ResourceBlock) -> list[Principal]:
    return [*(resource.requesters or []), *resource.approvers]


def _words(document: Document) -> Iterator[tuple[Path, Principal]]:
    """Every word for people as it stands in the file, where it can be read."""
    for path in _paths(document.data):
        listed = value_at(document.data, path)
        for n, text in enumerate(listed if isinstance(listed, list) else []):
            word = parse_principal(text) if isinstance(text, str) else None
            if word is not None:
                yield (*path, n), word


def _paths(data: object) -> Iterator[Path]:
    yield ("admins",)
    for name in _keys(data, "groups"):
        yield ("groups", name)
    for name in _keys(data, "resources"):
        for tail in LISTS:
            yield ("resources", name, *tail)


def _keys(data: object, section: str) -> list[str]:
    found = value_at(data, (section,))
    return list(found) if isinstance(found, dict) else []


def _faulty(document: Document) -> Iterator[Path]:
    """Lists of people in which something cannot be read: counting them would be guessing."""
    for path in _paths(document.data):
        listed = value_at(document.data, path)
        wrong = listed is not None and not isinstance(listed, list)
        if wrong or any(
            not isinstance(text, str) or parse_principal(text) is None
            for text in (listed if isinstance(listed, list) else [])
        ):
            yield path
