"""Access to hosts by OpenSSH certificates that end by themselves.

Rules that this adapter keeps:

- A certificate is made when it is asked for, for the key that the person pasted or for one that is
  made for them. It ends with the grant, is named by the mark, and always has principals.
- Its serial number is on disk, and the former one revoked, before anybody sees it: whatever is out
  can be revoked, and a CA that does not sign takes nothing away.
- An end that moves back leaves the certificate in hand as it is; the person presses *Get
  credentials* for the longer one. An end that comes nearer revokes it.
- Hosts follow a list of revoked keys. Open sessions are ended by a program of the operator's, or go
  on.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters import _ssh_command
from adapters import _ssh_life as life
from adapters._ssh_agent import Agent
from adapters._ssh_books import Act, Books
from adapters._ssh_certs import AgentSigner, FileSigner, Signer, Wanted, complaint, public_key
from adapters._ssh_entry import Way, credential
from adapters._ssh_page import Change, Entry, Page
from adapters._ssh_policy import MARK, NAME, SshParams, SshSettings, name_of
from adapters._ssh_rights import missing_for, translated
from adapters._threads import Threads
from adapters.base import (
    Adapter,
    Ask,
    Caps,
    Credential,
    GrantParams,
    Order,
    Presence,
    ProviderSettings,
    RefusedError,
)

T = TypeVar("T")

ANSWER = "public_key"
AT_ONCE = 32
"""Threads: file systems and agents block. Changes that wait together are written together."""

SHOWN = 5
"""Principals that a card names."""

LONGEST = 300
"""Characters of what a card says of it."""

EARLIER = 60
"""Seconds before now from which a certificate is valid: not every host's clock is ours."""


class SshAdapter(Adapter):
    """See the module. What it needs stands in `docs/adapters/ssh.md`."""

    kind: ClassVar[str] = "ssh"
    capabilities: Caps = (
        Caps.PER_GRANT
        | Caps.NATIVE_EXPIRY
        | Caps.ENDS_SESSIONS
        | Caps.ISSUES_CREDENTIALS
        | Caps.LISTS_OWNED
    )
    settle: ClassVar[timedelta] = timedelta(seconds=10)
    forms: ClassVar[Mapping[str, Caps]] = {
        "without end_sessions": capabilities & ~Caps.ENDS_SESSIONS,
    }
    asks: ClassVar[tuple[Ask, ...]] = (
        Ask(
            ANSWER,
            "Your public key",
            "The line of ~/.ssh/id_ed25519.pub or its like. Empty: a key is made for you.",
            complaint=complaint,
        ),
    )
    Settings: ClassVar[type[ProviderSettings]] = SshSettings
    Params: ClassVar[type[GrantParams]] = SshParams

    settings: SshSettings

    def __init__(self, name: str, settings: SshSettings, *, call_limit: float = 10.0) -> None:
        """As the base; keeps nothing open but the threads that calls need."""
        super().__init__(name, settings, call_limit=call_limit)
        if not settings.end_sessions:
            self.capabilities = self.capabilities & ~Caps.ENDS_SESSIONS
        self._threads = Threads(name, AT_ONCE)
        self._books = Books(settings.state, settings.shown, patience=call_limit * 0.8)
        self._signer = self._signer_of(settings)

    def makes(self, params: Mapping[str, Any]) -> str:
        """Whom the certificate lets in as, where, and whether for one command only."""
        block = SshParams.model_validate(dict(params))
        names = ["the person's own name" if one == NAME else one for one in block.principals]
        shown = ", ".join(names[:SHOWN]) + (" and more" if names[SHOWN:] else "")
        where = f" on {block.host}" if block.host else ""
        only = ", for one command only" if block.force_command else ""
        return f"an SSH certificate as {shown}{where}{only}"[:LONGEST]

    def cleanup(self, order: Order) -> str:
        """A line to paste where the list of revoked keys is; hosts follow it."""
        shown = self.settings.shown
        return f"echo 'id: {order.mark}' | ssh-keygen -k -u -s none -f '{shown}' -"

    async def aclose(self) -> None:
        """Waits for what still runs."""
        await self._threads.aclose()

    # --- the hooks ----------------------------------------------------------------------------

    async def _probe(self) -> list[str]:
        def look(page: Page) -> list[str]:
            return missing_for(self.settings, page)

        missing = await self._look(look)
        return missing + await self._run(self._signer.missing)

    async def _examine(self, params: Mapping[str, Any]) -> list[str]:
        SshParams.model_validate(dict(params))
        return []

    async def _counterpart(self, order: Order) -> str | None:
        try:
            self._principals(order)
        except RefusedError as error:
            return str(error)
        return None

    async def _grant(self, order: Order) -> None:
        wanted = Entry(order.resource, self._principals(order), _seconds(order.expires_at))
        await self._change(order, lambda look, _: life.given(look, wanted))

    async def _revoke(self, order: Order) -> None:
        ends = _seconds(order.expires_at)
        change = await self._change(order, lambda look, now: life.ended(look, ends=ends, now=now))
        if change.gone is not None and self.settings.end_sessions:
            await self._run(lambda: self._end_sessions(order), mark=order.mark)

    async def _verify(self, order: Order) -> Presence:
        wanted = self._known_principals(order)

        def see(page: Page) -> Presence:
            look = page.look(order.mark)
            return life.presence(look, order.mark, wanted=wanted, now=page.now)

        return await self._look(see)

    async def _issue(self, order: Order) -> Credential:
        pasted = order.answers.get(ANSWER, "").strip()
        made = None if pasted else Ed25519PrivateKey.generate()
        params, principals = self._params(order), self._principals(order)
        ends = await self._look(
            lambda page: life.open_until(page.look(order.mark), order.mark, now=page.now)
        )
        wanted = Wanted(
            made.public_key() if made is not None else public_key(pasted),
            order.mark,
            life.fresh_serial(),
            principals,
            valid_after=_seconds(datetime.now(UTC)) - EARLIER,
            valid_before=min(ends, _seconds(order.expires_at)),
            options=params.options,
            extensions=params.extensions,
        )
        certificate = await self._run(lambda: self._signer.sign(wanted), mark=order.mark)
        number, ends = wanted.serial, wanted.valid_before
        await self._change(
            order, lambda look, now: life.numbered(look, order.mark, number, ends=ends, now=now)
        )
        way = Way(params.user_of(self._name(order)), params.host, params.port)
        return credential(order.mark, certificate, way, made, ends=ends)

    async def _owned(self) -> frozenset[str]:
        marks = await self._look(Page.marks)
        return frozenset(mark.removeprefix("curfew-") for mark in marks)

    async def _document(self, name: str) -> bytes | None:
        if name != "krl":
            return None
        return await self._run(self.settings.shown.read_bytes)

    # --- what they are made of ----------------------------------------------------------------

    async def _look(self, see: Callable[[Page], T]) -> T:
        return await self._run(lambda: self._books.look(see))

    async def _change(self, order: Order, act: Act) -> Change:
        return await self._run(lambda: self._books.change(order.mark, act), mark=order.mark)

    async def _run(self, call: Callable[[], T], *, mark: str | None = None) -> T:
        try:
            return await self._threads.run(call, mark=mark)
        except OSError as error:
            raise translated(error) from error

    def _end_sessions(self, order: Order) -> None:
        command = [order.mark if word == MARK else word for word in self.settings.end_sessions]
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C",
            "CURFEW_MARK": order.mark,
            "CURFEW_RESOURCE": order.resource,
        }
        limit = min(self.settings.end_sessions_within, self.call_limit)
        _ssh_command.run(command, environment=environment, limit=limit)

    def _signer_of(self, settings: SshSettings) -> Signer:
        if settings.ca_key is not None:
            return FileSigner(settings.ca_key)
        agent = Agent(settings.ca_agent or settings.state, patience=self.call_limit * 0.4)
        return AgentSigner(agent, settings.authority)

    def _principals(self, order: Order) -> tuple[str, ...]:
        """Never empty. Raises `RefusedError` for a person without a name that can be one."""
        return self._params(order).principals_of(self._name(order))

    def _known_principals(self, order: Order) -> tuple[str, ...]:
        """The same for looks: none where nobody could have been let in, or nobody remembers."""
        try:
            return self._principals(order) if order.params else ()
        except RefusedError:
            return ()

    def _name(self, order: Order) -> str:
        """The person's own, where the grant block goes by it."""
        if not self._params(order).goes_by_name:
            return ""
        return name_of(order.person, self.name, self.kind)

    @staticmethod
    def _params(order: Order) -> SshParams:
        return SshParams.model_validate(dict(order.params))


def _seconds(moment: datetime) -> int:
    """Whole ones, as certificates count: an end is never later than it was asked for."""
    return int(moment.timestamp())
