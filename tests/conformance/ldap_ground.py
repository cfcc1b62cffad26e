"""A real slapd seen by the eyes of its superuser and of ldapsearch."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from ldap3 import MODIFY_ADD, MODIFY_DELETE, MODIFY_REPLACE
from ldap3.utils.dn import escape_rdn
from pydantic import SecretStr

from adapters.base import Credential, Order, Person
from adapters.conformance import CannotStageError, Ground, Weather
from adapters.ldap import LdapAdapter, LdapSettings
from tests.conformance.slapd import SUFFIX, Slapd, slapd_server

ADMIN = f"cn=curfew,ou=services,{SUFFIX}"
ADMIN_PASSWORD = "an-admin's %40 pass/word"
PEOPLE = {"dana": "dana-word", "eli": "eli-word"}
PAGE = Path(__file__).parents[2] / "docs" / "adapters" / "ldap.md"
WRITERS = f"cn=writers,ou=services,{SUFFIX}"
GROUPS = ("dba", "ops")

PLACES = {"groupOfNames": "groups", "posixGroup": "posix", "active_directory": "ad"}

VAULTS = "\n".join(
    f'access to dn.exact="cn={name},ou=vault,{SUFFIX}"'
    f' by group.exact="cn={name},ou=groups,{SUFFIX}" read by * none'
    for name in GROUPS
)
"""What members of a group may read: this is what the access is good for."""


def documented() -> str:
    """The rules that the page gives for the bot's account: what is tested is that."""
    text = re.search(r"```text\n(access to .*?)```", PAGE.read_text(), re.DOTALL)
    assert text
    return text[1].replace("memberUid,description", "memberUid,description,extensionName")


@contextmanager
def furnished() -> Iterator[Slapd]:
    """A directory with people, groups of two forms, something to protect, and our account."""
    rest = "access to attrs=userPassword by anonymous auth by * none\naccess to * by * read"
    with slapd_server(f"{VAULTS}\n{documented()}\n{rest}") as server:
        for name in ("people", "groups", "posix", "ad", "services", "vault"):
            server.add(f"ou={name},{SUFFIX}", ["organizationalUnit"], ou=name)
        account = ["organizationalRole", "simpleSecurityObject"]
        server.add(ADMIN, account, cn="curfew", userPassword=ADMIN_PASSWORD)
        server.add(f"cn=nobody,ou=services,{SUFFIX}", ["organizationalRole"], cn="nobody")
        for name, word in PEOPLE.items():
            person(server, name, userPassword=word)
        for number, name in enumerate(GROUPS):
            place = f"cn=nobody,ou=services,{SUFFIX}"
            server.add(f"cn={name},ou=groups,{SUFFIX}", ["groupOfNames"], cn=name, member=place)
            server.add(
                f"cn={name},ou=posix,{SUFFIX}", ["posixGroup"], cn=name, gidNumber=f"{900 + number}"
            )
            server.add(f"cn={name},ou=ad,{SUFFIX}", ["group"], cn=name)
            server.add(f"cn={name},ou=vault,{SUFFIX}", ["organizationalRole"], cn=name)
        yield server


def person(server: Slapd, name: str, *, uid: str | None = None, **values: str) -> str:
    """A person's entry below ou=people; its distinguished name."""
    place = f"cn={_rdn(name)},ou=people,{SUFFIX}"
    classes = ["inetOrgPerson"]
    server.add(place, classes, cn=name, sn=name, uid=uid or name, **values)
    return place


def _rdn(text: str) -> str:
    return "".join(f"\\{ord(c):02x}" if ord(c) < 32 else c for c in escape_rdn(text))


class LdapGround(Ground):
    """Resources 0 and 1 are two groups of one form."""

    def __init__(self, server: Slapd, form: str = "groupOfNames") -> None:
        self.server = server
        self.form = form
        self.made: list[str] = []
        self.disguised: str | None = None

    @property
    def marks(self) -> str:
        return "extensionName" if self.form == "active_directory" else "description"

    def settings(self, **extra: object) -> LdapSettings:
        return LdapSettings.model_validate(
            {
                "url": self.server.secure,
                "ca": str(self.server.authority.path),
                "bind_dn": ADMIN,
                "password": SecretStr(ADMIN_PASSWORD),
                "people": {"base": f"ou=people,{SUFFIX}", "attribute": "cn"},
                "placeholder": f"cn=nobody,ou=services,{SUFFIX}",
                "marks": self.marks,
                **extra,
            }
        )

    def connect(self, call_limit: float = 10.0) -> LdapAdapter:
        return LdapAdapter("corp", self.settings(), call_limit=call_limit)

    def block(self, number: int = 0) -> Mapping[str, object]:
        place = PLACES[self.form]
        return {"group": f"cn={GROUPS[number]},ou={place},{SUFFIX}", "form": self.form}

    def person(self, name: str = "dana") -> Person:
        return replace(super().person(name), names={"ldap": name})

    def nobody(self) -> Person:
        return super().person("nobody")

    async def inventory(self) -> frozenset[str]:
        rows = await asyncio.to_thread(self.server.everything)
        lines = set()
        for name, values in rows:
            lines |= {f"{name} {key}={one!r}" for key, many in values.items() for one in many}
        return frozenset(lines)

    async def admits(self, order: Order, credential: Credential | None) -> bool:
        """By ldapsearch: does the group open what it protects; else, is the person in the list."""
        assert credential is None, order.mark
        name = order.person.names.get("ldap", "")
        group = str(order.params["group"])
        if self.form != "groupOfNames":
            who, word, base = f"cn=eli,ou=people,{SUFFIX}", PEOPLE["eli"], group
            attribute, value = self._member(order)
            wanted = f"({attribute}={value})"
        else:
            who, word = f"cn={name},ou=people,{SUFFIX}", PEOPLE.get(name, "")
            base, wanted = group.replace("ou=groups", "ou=vault"), "(objectClass=*)"
        process = await asyncio.create_subprocess_exec(
            *("ldapsearch", "-LLL", "-x", "-H", self.server.secure, "-D", who, "-w", word),
            *("-b", base, "-s", "base", wanted, "cn"),
            env={"LDAPTLS_CACERT": str(self.server.authority.path), "PATH": "/usr/bin:/bin"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, said = await process.communicate()
        assert process.returncode == 0 or b"No such object (32)" in said, said
        return b"cn: " in out

    def _member(self, order: Order) -> tuple[str, str]:
        name = order.person.names.get("ldap", "")
        if self.form == "posixGroup":
            return "memberUid", name
        return "member", f"cn={name},ou=people,{SUFFIX}"

    async def _change(self, verb: str, order: Order) -> None:
        group = str(order.params["group"])
        await asyncio.to_thread(self.server.change, group, verb, *self._member(order))

    async def hold(self, order: Order) -> None:
        await self._change(MODIFY_ADD, order)

    async def release(self, order: Order) -> None:
        await self._change(MODIFY_DELETE, order)

    async def take_away(self, order: Order) -> None:
        await self._change(MODIFY_DELETE, order)

    async def disguise(self) -> None:
        marks = (
            "curfew-",
            f"curfew-abcdefgh012 cn=dana,ou=people,{SUFFIX}",
            "xcurfew-abcdefgh0123 x",
        )
        group = str(self.block()["group"])
        await asyncio.to_thread(self.server.change, group, MODIFY_ADD, self.marks, *marks)
        self.disguised = group

    async def hostile(self, text: str) -> Order:
        order = await super().hostile(text)
        self.made.append(person(self.server, text, uid=f"hostile{len(self.made)}"))
        return replace(order, person=replace(order.person, names={"corp": text}))

    def secrets(self) -> tuple[str, ...]:
        return (ADMIN_PASSWORD,)

    @asynccontextmanager
    async def weather(self, kind: Weather) -> AsyncIterator[None]:
        server = self.server
        if kind is Weather.CROWDED:
            raise CannotStageError("slapd has no limit of connections to run into")
        try:
            if kind is Weather.DOWN:
                await asyncio.to_thread(server.stop)
            elif kind is Weather.SILENT:
                server.freeze()
            elif kind is Weather.LOCKED:
                server.change(ADMIN, MODIFY_REPLACE, "userPassword", "another")
            else:
                await asyncio.to_thread(self._rights, "read")
            yield
        finally:
            if kind is Weather.DOWN:
                await asyncio.to_thread(server.start)
            elif kind is Weather.SILENT:
                server.thaw()
            elif kind is Weather.LOCKED:
                server.change(ADMIN, MODIFY_REPLACE, "userPassword", ADMIN_PASSWORD)
            else:
                await asyncio.to_thread(self._rights, "write")

    def _rights(self, right: str) -> None:
        """The server begins anew with other rules; what was open is cut."""
        rule = f'by dn.exact="{ADMIN}" '
        before, _, after = self.server.config.read_text().partition(rule)
        self.server.restart(f"{before}{rule}{right}\n{after.partition(chr(10))[2]}")

    async def clear(self) -> None:
        if self.disguised is not None:
            self.server.change(self.disguised, MODIFY_REPLACE, self.marks)
        for name in self.made:
            self.server.remove(name)
