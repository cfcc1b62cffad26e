"""One key hands over to the next: what the old one signed stays good, and it signs nothing more."""

import base64
import json
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.config.audit_key import AuditKey, load, make
from bot.config.errors import ConfigurationError
from bot.config.key_ring import former_of, hand_over, pems, ring_at, stage
from bot.domain.record import EventKind
from bot.domain.rotation import Rotation, parse_rotation
from bot.engine.exporting import export_lines
from bot.engine.proving import RETIRED
from bot.engine.rotating import Rotating
from bot.storage import store
from bot.storage.database import Database
from tests.engine.office import DANA, Office, office

VERIFIER = Path(__file__).parents[2] / "curfew_verify.py"


async def news(here: Office) -> None:
    """Something to sign, and a try to sign it."""
    grant = await here.ask()
    await here.engine.service.cancel(DANA, grant.id)
    await here.engine.prove()


async def announce(here: Office, old: AuditKey, new: AuditKey) -> None:
    """The first half of a change: it stands in the log."""
    change = Rotation(old.key_id, new.key_id, new.public)
    await Rotating(here.engine.ledger).rotate(old, change, operator="root")


async def rotate(here: Office) -> tuple[AuditKey, AuditKey]:
    """The whole of it, while the bot runs."""
    old = load(here.key.path)
    new = stage(old.path)
    await announce(here, old, new)
    hand_over(old, new)
    return old, new


async def signers(here: Office) -> list[str]:
    """Who signed the checkpoints, the oldest first."""
    kept = await here.database.read(store.list_checkpoints)
    return [one.key_id for one in reversed(kept)]


def verify(log: Path, keys: list[str]) -> tuple[int, str]:
    """As an auditor does, in another process, with these public keys in one file."""
    given = log.with_name("keys.pub")
    given.write_text("".join(keys))
    done = subprocess.run(  # noqa: S603 - our own program and files
        [sys.executable, str(VERIFIER), str(log), "--key", str(given)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def exported(here: Office, path: Path) -> list[str]:
    lines = [line async for line in export_lines(here.database)]
    write(path, lines)
    return lines


def write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


async def test_a_running_bot_takes_up_the_new_key(database: Database, tmp_path: Path) -> None:
    """No restart: the first checkpoint after the change is by the new key, and all are good."""
    provider = f"pg-{secrets.token_hex(4)}"
    async with office(database, provider=provider, folder=tmp_path) as here:
        await news(here)
        old, new = await rotate(here)
        await news(here)
        second, third = await rotate(here)
        await news(here)

        assert await signers(here) == [old.key_id, new.key_id, third.key_id]
        assert second.key_id == new.key_id
        assert (old.path.stat().st_mode & 0o777, load(old.path).key_id) == (0o600, third.key_id)
        assert list(ring_at(old.path).keys) == [old.key_id, new.key_id, third.key_id]
        said = here.engine.witness.read()
        assert said is not None
        assert said.key_id == third.key_id


async def test_an_auditor_needs_the_first_key_alone(database: Database, tmp_path: Path) -> None:
    """Each key vouches for the next; with the newest alone the older signatures are unknown."""
    log = tmp_path / "log.jsonl"
    async with office(database, provider="playground", folder=tmp_path) as here:
        await news(here)
        old, new = await rotate(here)
        await news(here)
        await exported(here, log)

        assert verify(log, [old.public_pem])[0] == 0
        assert verify(log, [*pems(ring_at(old.path))])[0] == 0
        code, said = verify(log, [new.public_pem])
        assert (code, f"signed by key {old.key_id}, which was not given" in said) == (1, True)


async def test_a_forged_change_is_found(database: Database, tmp_path: Path) -> None:
    """Who owns the database can write a line that names a key, and not what the old key signs."""
    log = tmp_path / "log.jsonl"
    thief = make(tmp_path / "thief")
    async with office(database, provider="playground", folder=tmp_path) as here:
        await news(here)
        change = Rotation(here.key.key_id, thief.key_id, thief.public)
        forged = {**change.data, "signature": thief.sign(change.text())}
        await here.engine.note(EventKind.KEY_ROTATED, **forged)
        await exported(here, log)

        code, said = verify(log, [here.key.public_pem])
        assert (code, "that the old one did not sign" in said) == (1, True), said
        (line,) = await _rotations(here)
        assert not ring_at(here.key.path).follow(line)


async def _rotations(here: Office) -> list[Rotation]:
    told = await here.database.read(
        lambda conn: store.search_events(conn, kinds=(EventKind.KEY_ROTATED,))
    )
    return [parse_rotation(line.seq, line.body) for line in told]


async def test_a_replaced_key_signs_nothing_more(database: Database, tmp_path: Path) -> None:
    """A checkpoint by the old key behind the change is a fault, however good its signature."""
    log = tmp_path / "log.jsonl"
    async with office(database, provider="playground", folder=tmp_path) as here:
        await news(here)
        old, new = await rotate(here)
        await news(here)
        lines = await exported(here, log)
        last = json.loads([line for line in lines if '"type":"checkpoint"' in line][-1])
        words = last["statement"].splitlines()
        said = "".join(f"{word}\n" for word in [*words[:5], old.key_id])
        stolen = {**last, "statement": said, "signature": old.sign(said)}
        kept = [json.dumps(stolen) if json.loads(line) == last else line for line in lines]
        write(log, kept)

        code, told = verify(log, [old.public_pem, new.public_pem])
        assert (code, "which was replaced" in told) == (1, True), told
        ring = ring_at(old.path)
        (rotation,) = await _rotations(here)
        assert ring.follow(rotation)
        assert ring.has_signed(old.key_id, said, stolen["signature"])
        assert not ring.may_sign(old.key_id, int(words[1]))
        assert ring.may_sign(old.key_id, rotation.seq - 1)
        assert ring.may_sign(new.key_id, int(words[1]))


async def test_cut_short_between_the_log_and_the_file(database: Database, tmp_path: Path) -> None:
    """With the log ahead of the file nothing is signed; a second try ends what was begun."""
    async with office(database, provider="playground", folder=tmp_path) as here:
        await news(here)
        old = load(here.key.path)
        new = stage(old.path)
        await announce(here, old, new)
        await news(here)

        assert await signers(here) == [old.key_id]
        assert stage(old.path).key_id == new.key_id
        assert await Rotating(here.engine.ledger).successor(old.key_id) == new.key_id

        await announce(here, old, new)
        hand_over(old, new)
        await here.engine.prove()

        assert await signers(here) == [old.key_id, new.key_id]
        assert len(await _rotations(here)) == 1
        assert former_of(old.path).read_text() == old.public_pem


async def test_no_signature_slips_in_behind_a_change(database: Database, tmp_path: Path) -> None:
    """The bot holds the old key still: it looks again in the transaction in which it signs."""
    async with office(database, provider="playground", folder=tmp_path) as here:
        await news(here)

        def retire(conn: Connection) -> None:
            store.set_setting(conn, RETIRED + here.key.key_id, "0" * 16)

        await database.write(retire)
        await news(here)

        assert await signers(here) == [here.key.key_id]


def test_the_text_is_fixed(tmp_path: Path) -> None:
    """What a second verifier checks: four lines, and the raw key in base64."""
    key = make(tmp_path / "audit.key")
    change = Rotation("a" * 16, key.key_id, key.public)
    assert change.text() == f"curfew-key-v1\n{'a' * 16}\n{key.key_id}\n{key.public}\n"
    assert len(base64.b64decode(key.public)) == 32


def test_a_line_that_says_less_is_no_change() -> None:
    """Every part has to be there, as text."""
    whole = {"old": "a", "new": "b", "public": "c", "signature": "d"}
    assert parse_rotation(3, json.dumps({"data": whole})) == Rotation(**whole, seq=3)
    for name in whole:
        with pytest.raises(ValueError, match="no change of keys"):
            parse_rotation(3, json.dumps({"data": {**whole, name: None}}))


def test_a_spoiled_file_of_former_keys_is_told(tmp_path: Path) -> None:
    """What is no public key there is one sentence with the way out."""
    key = make(tmp_path / "audit.key")
    former_of(key.path).write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    with pytest.raises(ConfigurationError, match="something else than public keys"):
        ring_at(key.path)
