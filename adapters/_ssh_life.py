"""The life of a grant's certificates: what the books say next. Pure."""

import secrets
from collections.abc import Collection
from dataclasses import replace

from adapters._ssh_page import UNKNOWN_END, Change, Entry, Gone, Look
from adapters.base import Presence, RefusedError

NO_ACCESS = "There is no access to log in with: it ended or was never given."


def given(look: Look, wanted: Entry) -> Change:
    """The grant with its end; a certificate that would outlive it is revoked."""
    gone = replace(look.gone, ended=False) if look.gone else Gone()
    held = look.entry
    if held is not None and held.serial_ends > wanted.ends:
        gone = _with(gone, held)
    elif held is not None:
        wanted = replace(wanted, serial=held.serial, serial_ends=held.serial_ends)
    return Change(wanted, gone if gone.serials else None)


def open_until(look: Look, mark: str, *, now: int) -> int:
    """The end that a certificate may have. Raises `RefusedError` where nobody may get in."""
    held = look.entry
    if held is None or mark in look.listed.key_ids or held.ends <= now:
        raise RefusedError(NO_ACCESS)
    return held.ends


def numbered(look: Look, mark: str, serial: int, *, ends: int, now: int) -> Change:
    """The grant with the certificate of that number and end in hand; its former one is revoked.

    Raises `RefusedError` where nobody may get in, or not for so long any more.
    """
    if min(open_until(look, mark, now=now), ends) != ends or ends <= now or look.entry is None:
        raise RefusedError(NO_ACCESS)
    gone = _with(look.gone or Gone(), look.entry) if look.entry.serial_ends > now else look.gone
    return Change(replace(look.entry, serial=serial, serial_ends=ends), gone)


def fresh_serial() -> int:
    """A number that no other certificate has; never zero, which sshd takes for no number."""
    return secrets.randbelow(2**63 - 1) + 1


def ended(look: Look, *, ends: int, now: int) -> Change:
    """All that was ever signed for the grant is revoked; nothing, where nothing was.

    A grant that the books do not know may have certificates all the same, if the books were lost:
    until `ends`, where that is known.
    """
    held, gone = look.entry, look.gone or Gone()
    if held is not None:
        if not held.serial and look.gone is None:
            return Change(None, None)
        gone = _with(gone, held)
    elif look.is_damaged:
        gone = replace(gone, until=max(gone.until, now + UNKNOWN_END))
    else:
        gone = replace(gone, until=max(gone.until, ends))
    return Change(None, replace(gone, ended=True))


def presence(look: Look, mark: str, *, wanted: Collection[str], now: int) -> Presence:
    """What there is. Revoked counts only where the list says so that hosts follow."""
    is_listed = mark in look.listed.key_ids
    if look.is_damaged:
        return Presence.PARTIAL
    if look.entry is None:
        lives = look.gone is not None and look.gone.ended and look.gone.until > now
        return Presence.PRESENT if lives and not is_listed else Presence.ABSENT
    fits = set(wanted) <= set(look.entry.principals)
    is_open = fits and look.entry.ends > now and not is_listed
    return Presence.PRESENT if is_open else Presence.PARTIAL


def _with(gone: Gone, held: Entry) -> Gone:
    """The certificate in hand must not be taken any more either."""
    if not held.serial:
        return gone
    serials = tuple(dict.fromkeys((*gone.serials, held.serial)))
    return replace(gone, serials=serials, until=max(gone.until, held.serial_ends))
