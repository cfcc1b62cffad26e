"""Engines for looking at a database from outside."""

from sqlalchemy import Engine, NullPool, create_engine

from bot.storage.database import parse_url


def plain_engine(url: str) -> Engine:
    """Neither our settings nor our checks."""
    drivers = {"sqlite+aiosqlite": "sqlite+pysqlite"}
    parsed = parse_url(url)
    driver = drivers.get(parsed.drivername, parsed.drivername)
    return create_engine(parsed.set(drivername=driver), poolclass=NullPool)
