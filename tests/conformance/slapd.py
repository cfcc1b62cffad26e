"""A real slapd in a folder of its own, with TLS and memberOf, on free ports of 127.0.0.1."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import ldap3

from tests.conformance.certificates import Authority
from tests.conformance.mariadb import free_port, stopped

SUFFIX = "dc=example,dc=com"
ROOT, ROOT_PASSWORD = f"cn=root,{SUFFIX}", "the root's word"
WAIT = 30.0
PROGRAMS = {"slapd": "slapd", "ldapsearch": "ldap-utils"}
SCHEMAS = Path("/etc/ldap/schema")
MODULES = Path("/usr/lib/ldap")

# Active Directory's class of group, as far as memberships go; its own rules are not OpenLDAP's.
CLASSES = """
attributetype ( 1.2.840.113556.1.2.227 NAME 'extensionName'
  EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.2.840.113556.1.5.8 NAME 'group' SUP top STRUCTURAL
  MUST cn MAY ( member $ description $ extensionName ) )
"""

CONFIG = """
{includes}
{classes}
modulepath {modules}
moduleload back_mdb
moduleload memberof
pidfile {folder}/pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/127.0.0.1.pem
TLSCertificateKeyFile {folder}/127.0.0.1.key
database mdb
suffix "{suffix}"
rootdn "{root}"
rootpw "{password}"
directory {folder}/db
dbnosync
overlay memberof
{access}
"""


class Slapd:
    """One directory. `access` are the rules of who may do what."""

    def __init__(self, folder: Path, access: str) -> None:
        self.folder = folder
        self.port, self.secure_port = free_port(), free_port()
        self.authority = Authority.made(folder / "ca.pem")
        self.authority.issue("127.0.0.1", folder)
        (folder / "db").mkdir()
        includes = (
            f"include {SCHEMAS}/{name}.schema"
            for name in ("core", "cosine", "inetorgperson", "nis")
        )
        self.config = folder / "slapd.conf"
        self.config.write_text(
            CONFIG.format(
                includes="\n".join(includes),
                classes=CLASSES,
                modules=MODULES,
                folder=folder,
                suffix=SUFFIX,
                root=ROOT,
                password=ROOT_PASSWORD,
                access=access,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def plain(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def secure(self) -> str:
        return f"ldaps://127.0.0.1:{self.secure_port}"

    def restart(self, config: str, *, secure: bool = True) -> None:
        """Begins anew with another configuration; what was open is cut."""
        self.stop()
        self.config.write_text(config)
        self.start(secure=secure)

    def start(self, *, secure: bool = True) -> None:
        """Ready to be connected to afterwards; `secure` as far as the configuration has TLS."""
        places = [self.plain, self.secure] if secure else [self.plain]
        with (self.folder / "log").open("ab") as sink:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                ["slapd", "-f", str(self.config), "-h", " ".join(places), "-d", "0"],  # noqa: S607 - Debian's, found by PATH
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        deadline = time.monotonic() + WAIT
        while not self._answers(len(places)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.02)

    def _answers(self, ports: int) -> bool:
        with suppress(OSError):
            for port in (self.port, self.secure_port)[:ports]:
                socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(WAIT)

    def freeze(self) -> None:
        """Connections are taken and nothing is answered any more, until `thaw`."""
        assert self._process is not None
        stopped(self._process)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    # --- as the superuser ---------------------------------------------------------------------

    @contextmanager
    def root(self) -> Iterator[Any]:
        """The library's connection; every answer that is no success raises."""
        server = ldap3.Server(self.plain, get_info=ldap3.NONE)
        with ldap3.Connection(
            server, ROOT, ROOT_PASSWORD, check_names=False, raise_exceptions=True
        ) as connection:
            yield connection

    def add(self, name: str, classes: Sequence[str], **values: str | Sequence[str]) -> None:
        with self.root() as root:
            root.add(name, list(classes), values)

    def remove(self, name: str) -> None:
        with self.root() as root:
            root.delete(name)

    def change(self, name: str, verb: str, attribute: str, *values: str) -> None:
        with self.root() as root:
            root.modify(name, {attribute: [(verb, list(values))]})

    def everything(self) -> list[tuple[str, Mapping[str, list[bytes]]]]:
        """Each entry with what people and overlays made of it; times of changes left out."""
        with self.root() as root:
            root.search(SUFFIX, "(objectClass=*)", attributes=["*", "memberOf"])
            return [(entry["dn"], dict(entry["raw_attributes"])) for entry in root.response]


@contextmanager
def slapd_server(access: str) -> Iterator[Slapd]:
    """A running directory with its suffix; FileNotFoundError where it is not installed."""
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            raise FileNotFoundError(f"there is no {program}: apt-get install {package}")
    folder = Path(tempfile.mkdtemp(prefix="curfew-slapd-"))
    server = Slapd(folder, access)
    try:
        server.start()
        server.add(SUFFIX, ["dcObject", "organization"], o="Example", dc="example")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
