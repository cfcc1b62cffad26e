"""The ssh adapter's pure parts: the policy's words, pasted keys, the list, the books' next page."""

import fcntl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters import _ssh_krl as krl
from adapters import _ssh_life as life
from adapters._ssh_books import Books
from adapters._ssh_certs import Wanted, complaint
from adapters._ssh_page import UNKNOWN_END, Change, Entry, Gone, Look, Page
from adapters._ssh_policy import name_of
from adapters.base import Caps, Person, Presence, RefusedError, UnreachableError
from adapters.conformance.others import HOSTILE
from adapters.ssh import SshAdapter, SshParams, SshSettings

MARK = "curfew-0123456789ab"
NOW = 1_800_000_000
LIVE = Entry("bastion", ("ops",), NOW + 3600, 7, NOW + 3600)
UNUSED = Entry("bastion", ("ops",), NOW + 3600)
NOTHING = krl.Revoked()


def public(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.OpenSSH
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, form).decode()


ED25519 = public(ed25519.Ed25519PrivateKey.generate())


# --- the policy -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "block",
    [
        {},
        {"principals": []},
        {"principals": [""]},
        {"principals": ["a,b"]},
        {"principals": ["*"]},
        {"principals": ["ops-{name}"]},
        {"principals": ["{ name }"]},
        {"principals": ["-ops"]},
        {"principals": ["ops ", "x"]},
        {"principals": ["ops\n"]},
        {"principals": ["ops", "ops"]},
        {"principals": ["ops"], "extensions": ["permit-everything"]},
        {"principals": ["ops"], "source_addresses": ["192.0.2.1/24"]},
        {"principals": ["ops"], "source_addresses": ["*"]},
        {"principals": ["ops"], "force_command": ""},
        {"principals": ["ops"], "force_command": "a\nb"},
        {"principals": ["ops"], "host": "-oProxyCommand=x"},
        {"principals": ["ops"], "host": "a b"},
        {"principals": ["ops"], "user": "root;id"},
        {"principals": ["ops"], "port": 0},
        {"principals": ["ops"], "unknown": 1},
    ],
)
def test_a_grant_block_that_cannot_be(block: dict[str, object]) -> None:
    """What sshd or a shell could read as more than it says is an error of the policy."""
    with pytest.raises(ValidationError):
        SshParams.model_validate(block)


def test_a_grant_block_in_full() -> None:
    """What the policy says is what the certificate says; a principal of one's own is one word."""
    params = SshParams.model_validate(
        {
            "principals": ["{name}", "ops"],
            "extensions": [],
            "source_addresses": ["192.0.2.7", "2001:db8::/32"],
            "force_command": "uptime",
            "host": "bastion.example.com",
        }
    )
    assert params.options == [
        ("force-command", "uptime"),
        ("source-address", "192.0.2.7/32,2001:db8::/32"),
    ]
    assert params.principals_of("dana") == ("dana", "ops")
    assert params.principals_of("ops") == ("ops",)
    assert params.user_of("dana") == "dana"
    assert SshParams(principals=("ops",)).extensions == ("permit-pty",)


@pytest.mark.parametrize(
    ("names", "email", "wanted"),
    [
        ({"ssh": "dana"}, "d@example.com", "dana"),
        ({"ssh": "dana", "bastions": "dd"}, "d@example.com", "dd"),
        ({}, "dana+ops@example.com", "dana+ops@example.com"),
    ],
)
def test_a_person_s_own_name(names: dict[str, str], email: str, wanted: str) -> None:
    """The provider's, else the kind's, else the whole e-mail address."""
    assert name_of(Person("U1", email, "Dana", names), "bastions", "ssh") == wanted


@pytest.mark.parametrize("name", [*HOSTILE, "a,b", "ops,root", "*", "", " ", "-x", "{name}", "é"])
def test_a_name_that_is_no_single_principal(name: str) -> None:
    """It is refused, with who can mend it; an empty one is none at all."""
    person = Person("U1", None, "Dana", {"ssh": name})
    with pytest.raises(RefusedError, match="people: block"):
        name_of(person, "bastions", "ssh")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "where the CA's key is"),
        ({"ca_key": "/k", "ca_agent": "/a", "ca_public": ED25519}, "where the CA's key is"),
        ({"ca_agent": "/a"}, "ca_public goes with ca_agent"),
        ({"ca_key": "/k", "ca_public": ED25519}, "ca_public goes with ca_agent"),
        ({"ca_agent": "/a", "ca_public": "nonsense"}, "no public key"),
        ({"ca_key": "relative"}, "whole path"),
        ({"ca_key": "/k", "end_sessions": ["pkill"]}, "whole path of a program"),
        ({"ca_key": "/k", "end_sessions_within": 60}, "less than or equal to 8"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], said: str) -> None:
    """Each is said in a sentence."""
    with pytest.raises(ValidationError, match=said):
        SshSettings.model_validate({"state": "/var/lib/curfew/ssh", **settings})


def test_sessions_end_only_where_a_program_ends_them() -> None:
    """The capability follows from the settings of the one provider."""
    given = {"state": "/s", "ca_key": "/k"}
    without = SshAdapter("a", SshSettings.model_validate(given))
    ending = SshAdapter("b", SshSettings.model_validate({**given, "end_sessions": ["/bin/true"]}))
    assert Caps.ENDS_SESSIONS not in without.caps({})
    assert Caps.ENDS_SESSIONS in ending.caps({})


def test_what_a_card_says() -> None:
    """Whom it lets in as and where; long lists are cut."""
    adapter = SshAdapter("a", SshSettings.model_validate({"state": "/s", "ca_key": "/k"}))
    block = {"principals": ["{name}", "ops"], "host": "b.example.com", "force_command": "uptime"}
    said = "as the person's own name, ops on b.example.com, for one command only"
    assert adapter.effects(block).makes == f"an SSH certificate {said}"
    many = {"principals": [f"{number:0128}" for number in range(50)]}
    assert len(adapter.effects(many).makes) <= 300


# --- pasted keys ----------------------------------------------------------------------------------


def test_public_keys_are_taken() -> None:
    """Of every kind that can be certified, with a comment or none, with blanks around."""
    curves = (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
    keys = [ED25519, *(public(ec.generate_private_key(curve)) for curve in curves)]
    keys.append(public(rsa.generate_private_key(65537, 2048)))
    for key in keys:
        for text in (key, f"{key} dana@laptop", f"  {key} a b c \n"):
            assert complaint(text) is None


PEM = (
    ed25519.Ed25519PrivateKey.generate()
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    .decode()
)


SHORT_RSA = public(rsa.generate_private_key(65537, 1024))  # noqa: S505 - to be refused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PEM, "private key"),
        (PEM.replace("\n", " "), "private key"),
        ("".join(PEM.splitlines()[1:-1]), "private key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none", "private key"),
        ("-----BEGIN RSA PRIVATE KEY-----", "private key"),
        ("hello", "no public key"),
        ("ssh-ed25519", "no public key"),
        ("ssh-ed25519 AAAA", "no public key"),
        (f"{ED25519}\n{ED25519}", "no public key"),
        # named, since the key is another one in each process
        pytest.param(f'command="id" {ED25519}', "no public key", id="with options"),
        ("ssh-ed25519 Ünï", "no public key"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA", "certificate"),
        ("sk-ssh-ed25519@openssh.com AAAA", "security device"),
        (SHORT_RSA, "too short"),
        *((text, "no public key") for text in HOSTILE),
    ],
)
def test_what_is_no_public_key(text: str, said: str) -> None:
    """Said in a sentence that repeats nothing of it, and with the way out."""
    found = complaint(text)
    assert found is not None
    assert said in found
    words = [word for word in text.split() if len(word) > 24]
    assert not [word for word in words if word in found]
    assert len(found) <= 300


@pytest.mark.parametrize("principals", [(), ("",), ("ops", "")])
def test_a_certificate_without_principals_is_never_made(principals: tuple[str, ...]) -> None:
    """It would be for everybody."""
    key = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(RefusedError, match="for everybody"):
        Wanted(key.public_key(), MARK, 1, principals, NOW, NOW + 60).builder()


# --- the list -------------------------------------------------------------------------------------


names = st.frozensets(st.text(min_size=1, max_size=20).filter(lambda s: s.isprintable()))
numbers = st.frozensets(st.integers(1, 2**64 - 1))


@given(key_ids=names, serials=numbers)
def test_a_list_is_read_back(key_ids: frozenset[str], serials: frozenset[int]) -> None:
    """What was written is what is read."""
    revoked = krl.Revoked(key_ids, serials)
    assert krl.decode(krl.encode(revoked, NOW)) == revoked


@given(cut=st.integers(1, 200))
def test_a_list_that_ends_in_the_middle_is_none(cut: int) -> None:
    """Half a list is no list: nothing is believed to be revoked by it."""
    whole = krl.encode(krl.Revoked(frozenset({MARK}), frozenset({1, 2})), NOW)
    header = len(krl.encode(NOTHING, NOW))
    part = whole[:-cut]
    if len(part) == header:
        assert krl.decode(part) == NOTHING
        return
    with pytest.raises(krl.NoListError):
        krl.decode(part)


def test_what_is_no_list() -> None:
    """Another file, another version."""
    whole = krl.encode(NOTHING, NOW)
    for data in (b"", b"ssh-ed25519 AAAA", whole[:8] + b"\0\0\0\2" + whole[12:]):
        with pytest.raises(krl.NoListError):
            krl.decode(data)


# --- the books ------------------------------------------------------------------------------------


def test_a_later_end_leaves_the_certificate_in_hand() -> None:
    """It ends when it would have; the grant goes on."""
    wanted = replace(UNUSED, ends=NOW + 7200)
    change = life.given(Look(LIVE, None, NOTHING), wanted)
    assert change == Change(replace(wanted, serial=7, serial_ends=NOW + 3600), None)


def test_a_nearer_end_revokes_what_would_outlive_it() -> None:
    """A native end holds while we are down."""
    wanted = replace(UNUSED, ends=NOW + 60)
    change = life.given(Look(LIVE, None, NOTHING), wanted)
    assert change == Change(wanted, Gone(False, (7,), NOW + 3600))


def test_every_new_certificate_revokes_the_former() -> None:
    """By its number, remembered until it would have ended; the numbers are never the same."""
    look, seen = Look(UNUSED, None, NOTHING), set[int]()
    for count in range(5):
        serial = life.fresh_serial()
        change = life.numbered(look, MARK, serial, ends=NOW + 3600, now=NOW)
        assert change.entry is not None
        revoked = change.gone.serials if change.gone else ()
        assert set(revoked) == seen
        seen.add(change.entry.serial)
        assert len(seen) == count + 1
        look = Look(change.entry, change.gone, NOTHING)
    assert len(seen) == 5
    assert min(seen) > 0


@pytest.mark.parametrize(
    "look",
    [
        Look(None, None, NOTHING),
        Look(None, Gone(True, (7,), NOW + 60), NOTHING),
        Look(replace(LIVE, ends=NOW), None, NOTHING),
        Look(replace(LIVE, ends=NOW + 3599), None, NOTHING),
        Look(LIVE, None, krl.Revoked(frozenset({MARK}))),
        Look(None, None, NOTHING, is_damaged=True),
    ],
)
def test_no_number_without_access(look: Look) -> None:
    """Never given, ended, over, over sooner meanwhile, revoked by hand, or not to be read."""
    with pytest.raises(RefusedError, match="no access"):
        life.numbered(look, MARK, 9, ends=NOW + 3600, now=NOW)


def test_an_end_revokes_all_that_may_be_out() -> None:
    """By name; what was never used leaves no trace, what the books lost is revoked all the same."""

    def left(look: Look, ends: int) -> Gone | None:
        change = life.ended(look, ends=ends, now=NOW)
        assert change.entry is None
        return change.gone

    end = NOW + 1800
    assert left(Look(UNUSED, None, NOTHING), end) is None
    used = left(Look(LIVE, Gone(False, (5,), NOW + 9), NOTHING), end)
    assert used == Gone(True, (5, 7), NOW + 3600)
    assert left(Look(None, None, NOTHING), end) == Gone(True, (), end)
    damaged = left(Look(None, None, NOTHING, is_damaged=True), NOW)
    assert damaged == Gone(True, (), NOW + UNKNOWN_END)
    assert left(Look(None, used, NOTHING), end) == used


@pytest.mark.parametrize(
    ("look", "wanted"),
    [
        (Look(LIVE, None, NOTHING), Presence.PRESENT),
        (Look(UNUSED, None, NOTHING), Presence.PRESENT),
        (Look(replace(LIVE, principals=("eli",)), None, NOTHING), Presence.PARTIAL),
        (Look(replace(LIVE, ends=NOW), None, NOTHING), Presence.PARTIAL),
        (Look(LIVE, None, krl.Revoked(frozenset({MARK}))), Presence.PARTIAL),
        (Look(None, None, NOTHING, is_damaged=True), Presence.PARTIAL),
        (Look(None, None, NOTHING), Presence.ABSENT),
        (Look(None, Gone(True, (7,), NOW + 9), krl.Revoked(frozenset({MARK}))), Presence.ABSENT),
        (Look(None, Gone(True, (7,), NOW), NOTHING), Presence.ABSENT),
        # revoked in the books, and the list that hosts follow does not say so
        (Look(None, Gone(True, (7,), NOW + 9), NOTHING), Presence.PRESENT),
    ],
)
def test_what_there_is(look: Look, wanted: Presence) -> None:
    """Present is who can get in, or could with what they have."""
    assert life.presence(look, MARK, wanted=("ops",), now=NOW) is wanted


# --- many at once ---------------------------------------------------------------------------------


def numbered(number: int) -> str:
    return f"curfew-{number:012}"


def test_changes_that_come_together_share_their_writes(tmp_path: Path) -> None:
    """Whoever waits is served with the one that has the lock: the list is written a few times."""
    (tmp_path / "lock").touch()
    shown = tmp_path / "revoked.krl"
    books = Books(tmp_path, shown, patience=30)
    gone = Gone(True, (), 2**40)
    versions = set()

    def act(look: Look, now: int) -> Change:
        del look, now
        versions.add(shown.stat().st_ino if shown.exists() else 0)
        return Change(None, gone)

    with ThreadPoolExecutor(32) as pool, (tmp_path / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until all of them wait
        work = [pool.submit(books.change, numbered(number), act) for number in range(32)]
        while sum(one.running() for one in work) < 32:
            time.sleep(0.01)  # threads do not tell that they began
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert {one.result().gone for one in work} == {gone}
    listed = krl.decode(shown.read_bytes())
    assert listed.key_ids == {numbered(number) for number in range(32)}
    assert len(versions) < 16


def test_a_lock_that_is_not_let_go_fails_all_that_wait(tmp_path: Path) -> None:
    """In time, each by itself; the next one after it was let go works."""
    (tmp_path / "lock").touch()
    books = Books(tmp_path, tmp_path / "revoked.krl", patience=0.3)
    with ThreadPoolExecutor(8) as pool, (tmp_path / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        work = [
            pool.submit(books.change, numbered(number), lambda _look, _now: Change(UNUSED, None))
            for number in range(8)
        ]
        for one in work:
            with pytest.raises(UnreachableError, match="held by another program"):
                one.result()
        assert time.monotonic() - began < 10
    assert books.look(Page.marks) == frozenset()
    assert books.change(MARK, lambda _look, _now: Change(UNUSED, None)).entry == UNUSED
    assert books.look(Page.marks) == {MARK}


def test_what_one_may_not_is_nobody_else_s_trouble(tmp_path: Path) -> None:
    """A refusal among those that are written together is only for whom it is."""
    (tmp_path / "lock").touch()
    books = Books(tmp_path, tmp_path / "revoked.krl", patience=30)

    def refused(look: Look, now: int) -> Change:
        return life.numbered(look, MARK, 9, ends=now + 60, now=now)

    with ThreadPoolExecutor(16) as pool:
        bad = [pool.submit(books.change, numbered(n), refused) for n in range(8)]
        good = [
            pool.submit(books.change, numbered(n + 100), lambda _look, _now: Change(UNUSED, None))
            for n in range(8)
        ]
        for one in bad:
            with pytest.raises(RefusedError):
                one.result()
        assert all(one.result().entry == UNUSED for one in good)
    assert books.look(Page.marks) == {numbered(n + 100) for n in range(8)}
