"""The figures: fed by what happens, read from the database when somebody asks."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from bot.domain.record import AUDIT_LANE, Notice, NoticeKind
from bot.observability.figures import Figures, Gauges, exposition
from bot.observability.logs import configure_logs
from bot.storage import store
from bot.storage.database import Database
from sandbox.postgres import EmbeddedPostgres

MINUTE = timedelta(minutes=1)


class Steady:
    tick_age = 0.5


def gauges(database: Database, *, accepted: bool = True) -> Gauges:
    return Gauges(database, Steady(), policy_accepted=lambda: accepted, slack_connections=lambda: 2)


async def read(figures: Figures, of: Gauges) -> dict[str, float]:
    """Every sample by its name and labels."""
    text = (await exposition(figures, of)).decode()
    return {
        f"{sample.name}{json.dumps(sample.labels, sort_keys=True) if sample.labels else ''}": (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figures_with(of: Gauges) -> Figures:
    made = Figures()
    made.registry.register(of)
    return made


async def test_what_happens_is_counted(sqlite_url: str) -> None:
    """Calls, lateness, acks and Slack's errors stand in the figures as they were told."""
    async with await Database.open(sqlite_url) as database:
        of = gauges(database)
        figures = figures_with(of)
        figures.observe_provider_call("orders-pg", "revoke", "ok", 0.02)
        figures.observe_provider_call("orders-pg", "revoke", "refused", 1.0)
        figures.observe_lateness(0.12)
        figures.observe_lateness(-0.001)
        figures.observe_ack("command", 0.004)
        figures.count_slack_error("chat.postMessage", "ratelimited")
        found = await read(figures, of)
    labels = '{"outcome": "refused", "provider": "orders-pg", "verb": "revoke"}'
    assert found[f"curfew_provider_call_seconds_count{labels}"] == 1
    assert found["curfew_revoke_lateness_seconds_count"] == 2
    assert found["curfew_revoke_lateness_seconds_sum"] == 0.12
    assert found['curfew_ack_seconds_count{"kind": "command"}'] == 1
    errors = '{"code": "ratelimited", "method": "chat.postMessage"}'
    assert found[f"curfew_slack_errors_total{errors}"] == 1


async def test_what_stands_is_read(database: Database) -> None:
    """Waiting notices and their age, the log's head and the rest come from the database."""
    line = Notice(AUDIT_LANE, NoticeKind.AUDIT_LINE, data={"seq": 1})
    past = datetime.now(UTC) - MINUTE
    await database.write(lambda conn: store.add_notices(conn, [line, line], past))
    of = gauges(database)
    found = await read(figures_with(of), of)
    assert found["curfew_notices_waiting"] == 2
    assert 59 <= found["curfew_oldest_notice_seconds"] <= 70
    assert found["curfew_audit_head"] == 0
    assert found["curfew_overdue_grants"] == 0
    assert found["curfew_database_up"] == 1
    assert found["curfew_policy_accepted"] == 1
    assert found["curfew_slack_connections"] == 2
    assert found["curfew_tick_age_seconds"] == 0.5


async def test_database_away(postgres_server: EmbeddedPostgres, postgres_url: str) -> None:
    """When the database is away the figures say so, and what it would have told is left out."""
    name = postgres_url.rpartition("/")[2]
    async with await Database.open(postgres_url) as database:
        of = gauges(database, accepted=False)
        figures = figures_with(of)
        assert (await read(figures, of))["curfew_database_up"] == 1
        with psycopg.connect(postgres_server.dsn(), autocommit=True) as root:
            root.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            root.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
        found = await read(figures, of)
    assert found["curfew_database_up"] == 0
    assert found["curfew_policy_accepted"] == 0
    assert "curfew_audit_head" not in found


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    """The process's logging is put back as it was."""
    root, ours = logging.getLogger(), logging.getLogger("curfew")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:], level, own = before[0], before[1], before[2]
    root.setLevel(level)
    ours.setLevel(own)
    structlog.reset_defaults()


@pytest.mark.usefixtures("untouched_logging")
def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """For machines each line is one JSON object, ours and the libraries' alike."""
    configure_logs("INFO", "json")
    structlog.get_logger("curfew.engine").info("granted", grant="7k2m")
    logging.getLogger("somelib").warning("slow %s", "query")
    logging.getLogger("somelib").info("chatter")
    structlog.get_logger("curfew.engine").debug("detail")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one["level"], one["message"]) for one in lines] == [
        ("info", "granted"),
        ("warning", "slow query"),
    ]
    assert lines[0]["grant"] == "7k2m"
    assert lines[0]["logger"] == "curfew.engine"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", lines[0]["timestamp"])


@pytest.mark.usefixtures("untouched_logging")
def test_libraries_stay_quiet_at_debug(capsys: pytest.CaptureFixture[str]) -> None:
    """At DEBUG we speak and libraries do not: some would print what they send."""
    configure_logs("DEBUG", "console")
    structlog.get_logger("curfew.engine").debug("detail")
    logging.getLogger("slack_sdk.web").debug("Sending a request: token xoxb-1")
    said = capsys.readouterr().err
    assert "detail" in said
    assert "xoxb" not in said


@pytest.mark.usefixtures("untouched_logging")
@pytest.mark.parametrize("form", ["json", "console"])
def test_tracebacks_hold_no_variables(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A logged error shows where it came from, never what the variables held."""
    configure_logs("INFO", "json" if form == "json" else "console")
    password = "hunter2"
    try:
        int(password[:0])
    except ValueError:
        structlog.get_logger("curfew.engine").exception("failed")
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "hunter2" not in said
