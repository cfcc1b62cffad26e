"""How membership of a group comes and goes. Every function blocks, and may be repeated.

A membership and our mark beside it come in one change of the group, so neither is there without
the other unless somebody else took it away. The mark says who was made a member: a person whose
entry is renamed, changed or deleted meanwhile is found all the same, and what others gave has no
mark.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

from ldap3 import MODIFY_ADD, MODIFY_DELETE
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import parse_dn

from adapters._ldap_link import (
    ALREADY_THERE,
    NO_SUCH_ATTRIBUTE,
    NO_SUCH_OBJECT,
    OBJECT_CLASS_VIOLATION,
    UNWILLING,
    AnswerError,
    Changes,
    Wire,
)
from adapters.base import Presence, RefusedError

_PROBE = "curfew-000000000000 probe"


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of group: its object class, the attribute of its members, and what stands in it."""

    object_class: str
    attribute: str
    by_login: bool = False
    """Members are login names; else distinguished names."""


FORMS: Mapping[str, Form] = {
    "groupOfNames": Form("groupOfNames", "member"),
    "posixGroup": Form("posixGroup", "memberUid", by_login=True),
    "active_directory": Form("group", "member"),
}


@dataclass(frozen=True, slots=True)
class People:
    """Where persons are, and what tells them apart."""

    base: str
    attribute: str
    wanted: str
    login: str


@dataclass(frozen=True, slots=True)
class Group:
    """One group, and where our marks stand in it."""

    name: str
    form: Form
    marks: str
    placeholder: str | None = None

    def find(self, wire: Wire, wanted: str, *attributes: str) -> list[Mapping[str, list[str]]]:
        """The group if it fits, nothing where it does not or there is none."""
        try:
            return [found for _, found in wire.find(self.name, wanted, *attributes, one=True)]
        except AnswerError as error:
            if error.code == NO_SUCH_OBJECT:
                return []
            raise

    def has(self, wire: Wire, member: str) -> bool:
        return bool(self.find(wire, f"({self.form.attribute}={escape_filter_chars(member)})"))

    def marked(self, wire: Wire, mark: str) -> "Marked | None":
        """Whom the mark says that we made a member.

        A group that is not there may have another name by now, so it is looked for by its mark:
        below the directory's own name, which must be visible for "nowhere" to mean anything.
        """
        try:
            found = wire.find(self.name, "(objectClass=*)", self.marks, one=True)
        except AnswerError as error:
            if error.code != NO_SUCH_OBJECT:
                raise
            found = wire.find(top_of(self.name), f"({self.marks}={mark} *)", self.marks)
        for name, values in found:
            for text in values.get(self.marks.lower(), ()):
                if text.startswith(f"{mark} "):
                    return Marked(replace(self, name=name), text.removeprefix(f"{mark} "))
        return None


@dataclass(frozen=True, slots=True)
class Marked:
    """A group under the name that it has now, and the member that we made."""

    group: Group
    member: str


def top_of(name: str) -> str:
    """The directory's own name: the last parts that are `dc`, else the very last one."""
    parts = [f"{kind}={value}" for kind, value, _ in parse_dn(name, strip=True)]
    own = list(takewhile(lambda part: part.lower().startswith("dc="), reversed(parts)))
    return ",".join(reversed(own or parts[-1:]))


def member_of(wire: Wire, people: People, form: Form, name: str) -> str:
    """What stands in a group for the person. Refused where that is nobody, or more than one."""
    known = f"({people.attribute}={escape_filter_chars(name)})"
    attributes = (people.login,) if form.by_login else ()
    found = wire.find(people.base, f"(&{people.wanted}{known})", *attributes, limit=2)
    if not found:
        raise RefusedError(
            f"Nobody below {people.base} has the {people.attribute} {name}: add it there, or say"
            " under people: in the policy what it is."
        )
    if len(found) > 1:
        raise RefusedError(
            f"More than one below {people.base} has the {people.attribute} {name}: say under"
            " people: in the policy who is meant."
        )
    place, values = found[0]
    if not form.by_login:
        return place
    logins = values.get(people.login.lower(), [])
    if len(logins) != 1:
        raise RefusedError(f"{place} has {len(logins)} values of {people.login}; it has to be one.")
    return logins[0]


def give(wire: Wire, group: Group, mark: str, member: str, *, ttl: int | None) -> None:
    """The person is a member, by us. Refused where somebody else made them one."""
    value = member if ttl is None else f"<TTL={ttl},{member}>"
    note = f"{mark} {member}"
    both: Changes = {
        group.form.attribute: [(MODIFY_ADD, [value])],
        group.marks: [(MODIFY_ADD, [note])],
    }
    try:
        wire.change(group.name, both)
    except AnswerError as error:
        if error.code == NO_SUCH_OBJECT:
            raise RefusedError(f"There is no group {group.name}.") from error
        if error.code not in ALREADY_THERE:
            raise
    else:
        return
    ours = group.marked(wire, mark)
    is_member = group.has(wire, member)
    if ours is None:
        raise RefusedError(f"{member} is a member of {group.name} already, and not by us.")
    if ours.member != member:
        take(wire, group, mark)  # the person's entry has another name now
        give(wire, group, mark, member, ttl=ttl)
    elif not is_member:
        wire.change(group.name, {group.form.attribute: [(MODIFY_ADD, [value])]})
    elif ttl is not None:
        again = [(MODIFY_DELETE, [member]), (MODIFY_ADD, [value])]
        wire.change(group.name, {group.form.attribute: again})


def take(wire: Wire, group: Group, mark: str) -> None:
    """What we gave is gone; what others gave has no mark and stays. Absent is success."""
    found = group.marked(wire, mark)
    if found is None:
        return
    group, member = found.group, found.member
    gone = {group.marks: [(MODIFY_DELETE, [f"{mark} {member}"])]}
    both: Changes = {group.form.attribute: [(MODIFY_DELETE, [member])], **gone}
    try:
        wire.change(group.name, both)
    except AnswerError as error:
        if error.code == OBJECT_CLASS_VIOLATION:
            _leave_placeholder(wire, group, member, gone)
        elif error.code in (NO_SUCH_ATTRIBUTE, UNWILLING) and not group.has(wire, member):
            _forget(wire, group, mark, gone)
        else:
            raise


def look(wire: Wire, group: Group, mark: str, people: People, name: str) -> Presence:
    """By our mark; without one, whether somebody else made the person a member."""
    found = group.marked(wire, mark)
    if found is not None:
        is_member = found.group.has(wire, found.member)
        return Presence.PRESENT if is_member else Presence.PARTIAL
    try:
        member = member_of(wire, people, group.form, name)
    except RefusedError:
        return Presence.ABSENT
    return Presence.PRESENT if group.has(wire, member) else Presence.ABSENT


def missing(wire: Wire, group: Group) -> list[str]:
    """What keeps us from using the group. Deletes what is not there, which changes nothing."""
    found = group.find(wire, "(objectClass=*)", "objectClass")
    if not found:
        return [
            f"There is no group {group.name}, or it may not be read; mend its name or the rights."
        ]
    classes = {text.lower() for text in found[0].get("objectclass", ())}
    if group.form.object_class.lower() not in classes:
        return [f"{group.name} is no {group.form.object_class}; let form say what it is."]
    bogus = _PROBE if group.form.by_login else "cn=curfew-probe"
    try:
        wire.change(
            group.name,
            {
                group.form.attribute: [(MODIFY_DELETE, [bogus])],
                group.marks: [(MODIFY_DELETE, [_PROBE])],
            },
        )
    except AnswerError as error:
        if error.code in (NO_SUCH_ATTRIBUTE, UNWILLING):
            return []
        both = f"{group.form.attribute} and {group.marks} of {group.name}"
        return [f"{both} may not be changed ({error}); give bind_dn the right to write both."]
    return []


def _leave_placeholder(wire: Wire, group: Group, member: str, gone: Changes) -> None:
    """Such a group cannot be empty: the placeholder comes as the last member goes."""
    if group.placeholder is None:
        raise RefusedError(
            f"{member} is the last member of {group.name}, and such a group cannot be empty: add"
            " another member there, or let placeholder name one."
        )
    change = [(MODIFY_ADD, [group.placeholder]), (MODIFY_DELETE, [member])]
    wire.change(group.name, {group.form.attribute: change, **gone})


def _forget(wire: Wire, group: Group, mark: str, gone: Changes) -> None:
    """The membership was taken away by somebody else; the mark goes after it."""
    if group.marked(wire, mark) is not None:
        wire.change(group.name, gone)
