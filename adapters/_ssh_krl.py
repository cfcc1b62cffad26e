"""OpenSSH's list of revoked keys: the part of its binary format that names certificates.

Source: PROTOCOL.krl of OpenSSH. The certificates are named by key id or serial number, for
whichever CA signed them: our key ids are marks and our serials random, so they meet nobody else's,
and a CA may be exchanged without losing what was revoked before.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"SSHKRL\n\0"
VERSION = 1
CERTIFICATES = 1
SERIALS = 0x20
KEY_IDS = 0x23


class NoListError(ValueError):
    """These bytes are no list of revoked keys."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """What a list names. `key_ids` end all certificates of a grant, `serials` one each."""

    key_ids: frozenset[str] = frozenset()
    serials: frozenset[int] = frozenset()


def encode(revoked: Revoked, now: int) -> bytes:
    """The file that `RevokedKeys` of sshd_config takes. `now`, in seconds, also is its version."""
    head = MAGIC + struct.pack(">IQQQ", VERSION, now, now, 0) + _string(b"") + _string(b"")
    parts = b""
    if revoked.serials:
        numbers = sorted(revoked.serials)
        parts += _section(SERIALS, struct.pack(f">{len(numbers)}Q", *numbers))
    if revoked.key_ids:
        parts += _section(
            KEY_IDS, b"".join(_string(one.encode()) for one in sorted(revoked.key_ids))
        )
    any_ca = _string(b"")
    return head + (_section(CERTIFICATES, any_ca + _string(b"") + parts) if parts else b"")


def decode(data: bytes) -> Revoked:
    """What a list names of the kinds that we write; others are passed over.

    Raises `NoListError` for anything that sshd would not take for a list.
    """
    if not data.startswith(MAGIC):
        raise NoListError("it does not begin like one")
    body = memoryview(data)[len(MAGIC) :]
    try:
        (version,) = struct.unpack_from(">I", body)
        if version != VERSION:
            raise NoListError(f"its format is of version {version}")
        rest = body[struct.calcsize(">IQQQ") :]
        for _ in ("reserved", "comment"):
            _, rest = _taken(rest)
        found = list(_named(rest))
    except (struct.error, UnicodeDecodeError) as error:
        raise NoListError("it ends in the middle") from error
    return Revoked(
        frozenset(one for one in found if isinstance(one, str)),
        frozenset(one for one in found if isinstance(one, int)),
    )


def _named(sections: memoryview) -> Iterator[str | int]:
    """Key ids and serial numbers of all certificate sections for any CA."""
    for kind, section in _sections(sections):
        if kind != CERTIFICATES:
            continue
        ca, rest = _taken(section)
        _, rest = _taken(rest)
        if ca:
            continue
        for inner, content in _sections(rest):
            if inner == SERIALS:
                yield from (number for (number,) in struct.iter_unpack(">Q", content))
            while inner == KEY_IDS and content:
                name, content = _taken(content)  # noqa: PLW2901 - eaten up
                yield bytes(name).decode()


def _sections(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    while data:
        kind = data[0]
        content, data = _taken(data[1:])
        yield kind, content


def _taken(data: memoryview) -> tuple[memoryview, memoryview]:
    """A string of the wire format, and what is behind it."""
    (length,) = struct.unpack_from(">I", data)
    if len(data) < 4 + length:
        raise struct.error
    return data[4 : 4 + length], data[4 + length :]


def _section(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + _string(content)


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
