"""A key in an ssh-agent: what it has, and signing with it.

Source: draft-miller-ssh-agent. One connection for each question, closed with its answer.
"""

import socket
import struct
from pathlib import Path

from adapters.base import RefusedError, UnreachableError

REQUEST_IDENTITIES, IDENTITIES_ANSWER = 11, 12
SIGN_REQUEST, SIGN_RESPONSE = 13, 14
RSA_SHA2_512 = 4
"""The flag by which an RSA key signs with SHA-512; other keys pass it over."""

LONGEST = 256 * 1024
"""Bytes of an answer, as OpenSSH has it."""


class Agent:
    """An agent at its socket. Blocks for at most `patience` seconds a step."""

    def __init__(self, place: Path, *, patience: float) -> None:
        """Opens nothing."""
        self._place = place
        self._patience = patience

    def holds(self, key: bytes) -> bool:
        """Whether a public key, in the wire format, is one of the agent's. False while locked."""
        kind, body = self._asked(bytes([REQUEST_IDENTITIES]))
        if kind != IDENTITIES_ANSWER:
            raise UnreachableError(f"the agent at {self._place} does not say which keys it has")
        (count,) = struct.unpack_from(">I", body)
        rest, found = body[4:], set()
        for _ in range(count):
            blob, rest = _taken(rest)
            _, rest = _taken(rest)
            found.add(blob)
        return key in found

    def sign(self, key: bytes, data: bytes) -> bytes:
        """The signature, in the wire format. Raises `RefusedError` when the agent says no."""
        request = bytes([SIGN_REQUEST]) + _string(key) + _string(data)
        kind, body = self._asked(request + struct.pack(">I", RSA_SHA2_512))
        if kind != SIGN_RESPONSE:
            raise RefusedError(
                f"The agent at {self._place} does not sign with the CA's key: it is locked, or has"
                " it no more. Unlock it (ssh-add -X) or add the key (ssh-add)."
            )
        return _taken(body)[0]

    def _asked(self, request: bytes) -> tuple[int, bytes]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(self._patience)
                line.connect(str(self._place))
                line.sendall(_string(request))
                (length,) = struct.unpack(">I", _received(line, 4))
                if not 0 < length <= LONGEST:
                    raise UnreachableError(f"{self._place} does not answer like an agent")
                answer = _received(line, length)
        except PermissionError as error:
            raise RefusedError(
                f"The agent at {self._place} may not be asked: {error.strerror}."
            ) from None
        except OSError as error:
            said = error.strerror or str(error) or type(error).__name__
            raise UnreachableError(f"no agent answers at {self._place}: {said}") from None
        return answer[0], answer[1:]


def _received(line: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = line.recv(length - len(data))
        if not piece:
            raise ConnectionResetError("it hung up")
        data += piece
    return data


def _taken(data: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack_from(">I", data)
    return data[4 : 4 + length], data[4 + length :]


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
