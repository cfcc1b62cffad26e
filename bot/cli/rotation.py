"""`curfew audit rotate-key` and `curfew audit key`."""

import sys

from bot.cli.edge import WrongUsageError
from bot.cli.ending import operator
from bot.cli.ground import with_database
from bot.config.audit_key import AuditKey, load
from bot.config.key_ring import hand_over, pems, ring_at, stage
from bot.config.settings import Settings, read_settings
from bot.domain.rotation import Rotation
from bot.engine.ledger import Ledger
from bot.engine.rotating import Rotating
from bot.storage.database import Database


def print_key(*, every: bool) -> None:
    """Raises `WrongUsageError` when there is none yet."""
    settings = read_settings()
    key = _key(settings)
    if every:
        ring = ring_at(settings.audit_key)
        sys.stderr.write(f"Keys {', '.join(ring.keys)}; the last one signs.\n")
        sys.stdout.writelines(pems(ring))
        return
    sys.stderr.write(f"Key {key.key_id}\n")
    sys.stdout.write(key.public_pem)


def rotate_key() -> None:
    """A new key signs from now on. What was cut short is finished by a second call."""
    settings = read_settings()
    old = _key(settings)

    async def work(database: Database) -> AuditKey:
        rotating = Rotating(Ledger(database))
        new = stage(settings.audit_key)
        successor = await rotating.successor(old.key_id)
        if successor is not None and successor != new.key_id:
            new.path.unlink()
            raise WrongUsageError(
                f"The key {old.key_id} was replaced by {successor}, which is not here.",
                hints=(f"Copy it to {settings.audit_key} from where the change was made.",),
            )
        change = Rotation(old.key_id, new.key_id, new.public)
        await rotating.rotate(old, change, operator=operator())
        hand_over(old, new)
        return new

    new = with_database(work, settings)
    sys.stdout.write(f"Key {new.key_id} signs from now on, in place of {old.key_id}.\n")
    sys.stdout.write(
        "A running bot takes it up with its next checkpoint; copy the file to other replicas.\n"
        "Give auditors `curfew audit key --all`.\n"
    )


def _key(settings: Settings) -> AuditKey:
    """Looking at a log makes no key."""
    if not settings.audit_key.exists():
        raise WrongUsageError(
            f"There is no audit key at {settings.audit_key}.",
            hints=("The first `curfew run` makes it; CURFEW_AUDIT_KEY says where.",),
        )
    return load(settings.audit_key)
