"""The operator's guide names every setting, metric and event, and nothing that is not there."""

import re
from pathlib import Path

from bot.config.settings import SECRETS, Settings
from bot.domain.record import ANNOUNCED, EventKind
from bot.observability.figures import Figures, Gauges, Standing
from bot.web.server import Routes

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/operate.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()


def section(name: str) -> str:
    return GUIDE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def settings() -> dict[str, str]:
    """Variables with their default as the guide writes it."""
    found = {}
    for field in Settings.model_fields.values():
        default = field.get_default()
        secret = getattr(default, "get_secret_value", None)
        found[str(field.validation_alias)] = str(secret() if secret else default)
    return found


def test_every_setting() -> None:
    """Each variable has a row with its default, and (F) where it may lie in a file."""
    table = section("Settings")
    rows = dict(re.findall(r"^\| `([A-Z_]+)`([^\n]*)\|$", table, flags=re.MULTILINE))
    assert rows.keys() == settings().keys()
    for name, default in settings().items():
        assert (name in SECRETS) == rows[name].startswith(" (F)"), name
        if default != "None":
            assert f"`{default}`" in rows[name], name
        assert f"{name}=" in EXAMPLE, name


def metrics() -> set[str]:
    """The names as Prometheus shows them, ours only."""

    class Still:
        tick_age = 0.0

    figures = Figures()
    gauges = Gauges(None, Still(), policy_accepted=bool, slack_connections=int)  # type: ignore[arg-type] # nothing is looked at
    names = {family.name for family in (*gauges.collect(), *gauges._of_database(Standing()))}
    for family in figures.registry.collect():
        names.add(f"{family.name}_total" if family.type == "counter" else family.name)
    return {name for name in names if name.startswith("curfew")}


def test_every_metric() -> None:
    """Each metric has a row, and each row a metric."""
    rows = re.findall(r"^\| `(curfew_[a-z_]+)` \|", section("Figures"), flags=re.MULTILINE)
    shown = {"curfew_info" if name == "curfew" else name for name in metrics()}
    assert set(rows) == shown
    assert len(rows) == len(set(rows))


def test_every_event() -> None:
    """Each event has a row, marked where the audit channel gets a line."""
    rows = dict(
        re.findall(r"^\| `([a-z]+\.[a-z]+)` \| (#?)", section("Events"), flags=re.MULTILINE)
    )
    assert rows == {kind.value: "#" if kind in ANNOUNCED else "" for kind in EventKind}


def test_every_path() -> None:
    """The HTTP paths stand in the guide."""
    assert Routes.__doc__
    paths = ("/healthz", "/readyz", "/metrics", "/slack/events", "/providers/<name>/<document>")
    for path in paths:
        assert f"{path}` |" in section("HTTP")
