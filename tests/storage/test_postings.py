"""Where our messages stand."""

from datetime import timedelta

from bot.storage import store
from bot.storage.database import Database
from tests.storage.samples import NOON, make_grant, put


async def test_the_own_conversation_is_where_the_latest_direct_message_stands(
    database: Database,
) -> None:
    """A person's conversation is found by what was said there about any request."""
    first = make_grant(requester="U1", resource="a")
    second = make_grant(requester="U1", resource="b", created_at=NOON + timedelta(hours=1))
    other = make_grant(requester="U2", resource="a")
    await database.write(put(first, second, other))

    async def known(user: str) -> str | None:
        return await database.read(lambda conn: store.conversation_with(conn, user))

    async def post(grant_id: str, role: str, channel: str) -> None:
        made = store.Posting(grant_id, role, channel, f"{role}{channel}", "")
        await database.write(lambda conn: store.put_posting(conn, made))

    await post(first.id, "card", "C1")
    await post(first.id, "dmx", "C2")

    assert await known("U1") is None

    await post(first.id, "dm_asked", "D1")

    assert await known("U1") == "D1"
    assert await known("U2") is None

    await post(second.id, "dm_ended", "D9")

    assert await known("U1") == "D9"
