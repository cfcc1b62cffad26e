"""The adapter's way to the directory: few connections, kept open, each for one thread at a time.

Certificates are checked by Python's own rules, name included. Referrals are not followed: they
would carry our password to a server that nobody configured.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import ldap3
from ldap3.core import exceptions as library
from ldap3.core.tls import Tls

from adapters._threads import Threads
from adapters.base import AdapterError, RefusedError, UnreachableError

T = TypeVar("T")
Changes = Mapping[str, Sequence[tuple[str, Sequence[str]]]]

SUCCESS = 0
NO_SUCH_ATTRIBUTE = 16
ALREADY_THERE = (20, 68)
"""OpenLDAP's and Active Directory's answer to a value that an entry has already."""
NO_SUCH_OBJECT = 32
UNWILLING = 53
"""Active Directory's answer to a member that is not one."""
OBJECT_CLASS_VIOLATION = 65

_REFUSED = frozenset(
    {
        8,  # a stronger login is required
        10,  # a referral: not the server that may write
        13,  # TLS is required
        NO_SUCH_ATTRIBUTE,
        17,  # undefined attribute
        19,  # a constraint
        *ALREADY_THERE,
        21,  # not the attribute's syntax
        NO_SUCH_OBJECT,
        34,  # no distinguished name
        48,  # this login is not allowed
        49,  # wrong name or password
        50,  # no right
        UNWILLING,
        OBJECT_CLASS_VIOLATION,
        69,  # object class cannot be changed
    }
)
"""What only a human can change. Everything else may be healed by time."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where the directory is and who we are there. `tls` is ldaps, starttls or off."""

    host: str
    port: int
    tls: str
    ca: str | None
    name: str
    password: str


class AnswerError(Exception):
    """The directory's answer, where it is no success."""

    def __init__(self, code: int, words: str) -> None:
        """`code` is that of RFC 4511."""
        super().__init__(words)
        self.code = code


class _Verified(Tls):
    """TLS by Python's default rules; the library's own would check names by itself."""

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ANN401, FBT001, FBT002 - the overridden method's
        del do_handshake
        context = ssl.create_default_context(cafile=self.ca_certs_file)
        connection.socket = context.wrap_socket(
            connection.socket, server_hostname=connection.server.host
        )


class Wire:
    """One bound connection. Blocks."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - the library's types know no SAFE_SYNC
        self._connection = connection

    def find(
        self, base: str, wanted: str, *attributes: str, one: bool = False, limit: int = 0
    ) -> list[tuple[str, Mapping[str, list[str]]]]:
        """Name and attributes of what fits the filter: in the subtree, or with `one` the base."""
        _, result, response, _ = self._connection.search(
            base,
            wanted,
            ldap3.BASE if one else ldap3.SUBTREE,
            attributes=list(attributes) or [ldap3.NO_ATTRIBUTES],
            size_limit=limit,
        )
        if result["result"] not in (SUCCESS, 4):  # 4: there are more than the limit
            raise _answer(result)
        return [
            (
                entry["dn"],
                {name.lower(): _texts(raw) for name, raw in entry["raw_attributes"].items()},
            )
            for entry in response
            if entry["type"] == "searchResEntry"
        ]

    def change(self, name: str, changes: Changes) -> None:
        """All of the changes to one entry, or none of them."""
        _, result, _, _ = self._connection.modify(
            name, {key: list(values) for key, values in changes.items()}
        )
        if result["result"] != SUCCESS:
            raise _answer(result)

    def close(self) -> None:
        """Without waiting for the other side."""
        self._connection.strategy.close()
        if self._connection.socket is not None:  # one that never came to be connected
            self._connection.socket.close()


class Link:
    """Up to `size` connections, used last in first out, each call in a thread."""

    def __init__(self, name: str, login: Login, *, size: int, call_limit: float) -> None:
        """`call_limit` in seconds bounds each answer too, so that no thread waits for ever."""
        self._login = login
        self._threads = Threads(name, size)
        self._idle: list[Wire] = []
        self._connect_limit = call_limit * 0.4
        self._answer_limit = max(1, int(call_limit * 0.8))

    async def run(self, work: Callable[[Wire], T], *, mark: str | None = None) -> T:
        """The work's result. What changes something names its `mark` and waits for its turn.

        Work may be run twice: a kept connection that turns out to be dead is replaced once.
        """
        return await self._threads.run(lambda: self._work(work), mark=mark)

    async def aclose(self) -> None:
        """Waits for what was cut off, and closes what is kept."""
        await self._threads.aclose()
        while self._idle:
            self._idle.pop().close()

    def _work(self, work: Callable[[Wire], T]) -> T:
        try:
            wire = self._idle.pop()
        except IndexError:
            return self._use(self._open(), work)
        try:
            return self._use(wire, work)
        except library.LDAPExceptionError:
            return self._use(self._open(), work)

    def _use(self, wire: Wire, work: Callable[[Wire], T]) -> T:
        try:
            answer = work(wire)
        except (AnswerError, AdapterError):
            self._idle.append(wire)
            raise
        except BaseException:
            wire.close()
            raise
        self._idle.append(wire)
        return answer

    def _open(self) -> Wire:
        login = self._login
        server = ldap3.Server(
            login.host,
            port=login.port,
            use_ssl=login.tls == "ldaps",
            tls=None if login.tls == "off" else _Verified(ca_certs_file=login.ca),
            get_info=ldap3.NONE,
            connect_timeout=self._connect_limit,
        )
        connection = ldap3.Connection(
            server,
            login.name,
            login.password,
            client_strategy=ldap3.SAFE_SYNC,
            check_names=False,
            auto_referrals=False,
            receive_timeout=self._answer_limit,
        )
        wire = Wire(connection)
        try:
            connection.open(read_server_info=False)
            if login.tls == "starttls":
                connection.start_tls(read_server_info=False)
            _, result, _, _ = connection.bind(read_server_info=False)
        except BaseException:
            wire.close()
            raise
        if result["result"] != SUCCESS:
            wire.close()
            raise _answer(result)
        return wire


def translated(error: Exception) -> AdapterError:
    """The directory's answer in the words of the contract: who must act, time or a human."""
    said = str(error) or type(error).__name__
    if isinstance(error, AnswerError):
        return RefusedError(said) if error.code in _REFUSED else UnreachableError(said)
    if isinstance(error, library.LDAPSSLConfigurationError):
        return RefusedError("The file of `ca` cannot be read.")
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return RefusedError(f"The directory's certificate is not accepted: {said}")
    if isinstance(error, library.LDAPStartTLSError) and "startTLS failed" in said:
        return RefusedError("The directory offers no StartTLS: set it up there, or use ldaps.")
    return UnreachableError(said)


def _answer(result: Mapping[str, Any]) -> AnswerError:
    words = f"{result['description']}: {result['message']}".rstrip(": ")
    return AnswerError(result["result"], words)


def _texts(raw: Sequence[bytes]) -> list[str]:
    return [value.decode(errors="replace") for value in raw]
