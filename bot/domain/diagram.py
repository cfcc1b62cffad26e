"""The state diagram of a grant, drawn from the table. `docs/grant.md` holds it; a test compares."""

from bot.domain.grant import LIVE, State
from bot.domain.machine import RULES


def diagram() -> str:
    """Mermaid text: an arrow for each rule that can change the state, the acts side by side."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for rule in RULES:
        source = rule.source.value if rule.source else "[*]"
        for target in sorted(rule.targets):
            if target is not rule.source:
                verbs = arrows.setdefault((source, target.value), [])
                verbs.append(rule.act.verb)
    lines = ["stateDiagram-v2"]
    lines += [f"    {a} --> {b}: {', '.join(verbs)}" for (a, b), verbs in arrows.items()]
    lines += [f"    {state.value} --> [*]" for state in State if state not in LIVE]
    return "\n".join(lines) + "\n"


def table() -> str:
    """A Markdown table of every rule: the act, from, to, and who may."""
    lines = ["| act | from | to | who |", "|---|---|---|---|"]
    for rule in RULES:
        source = rule.source.value if rule.source else "(none)"
        targets = ", ".join(sorted(target.value for target in rule.targets))
        who = ", ".join(sorted(role.value for role in rule.who))
        lines.append(f"| {rule.act.verb} | {source} | {targets} | {who} |")
    return "\n".join(lines) + "\n"
