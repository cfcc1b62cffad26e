"""The policy file: a right one becomes a policy, a wrong one every problem at its place."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, field_validator

from adapters.base import Adapter, GrantParams, ProviderSettings
from adapters.registry import UnusableAdapterError
from bot.config.policy_file import SIZE_LIMIT, Loaded, load, loads
from bot.config.problems import Problem, Severity, problems_as_json, render_problems
from bot.domain.policy import ExtendRule, Limit, ReasonRule
from bot.domain.principal import parse_principal

SECRET = "postgresql://curfew:hunter2@db/orders"
LONG = "correct horse battery staple " * 3
ENVIRON = {"DSN": SECRET, "LONG": LONG, "SHORT": "x7", "EMPTY": ""}

RIGHT = """\
version: 1
channels: {approvals: C0APPROVE, audit: C0AUDIT}
admins: [S0OPS]
groups:
  dba: [Maya@example.com, U0MGR, "@dba", group:leads]
  leads: [U0LEAD]
defaults: {duration: 20m, max_duration: 4h, approvals: 1, reason: {min_length: 8}}
providers:
  pg: {adapter: box, dsn: "${DSN}"}
resources:
  prod-db:
    about: Orders
    provider: pg
    grant: {roles: [reader]}
    requesters: [anyone]
    approvers: [group:dba, manager]
"""


TWIN = """\
  twin:
    provider: pg
    grant: {roles: [reader]}
    requesters: [anyone]
    approvers: [S0DBA]"""


class BoxSettings(ProviderSettings):
    dsn: SecretStr
    port: int = 5432


class BoxRule(GrantParams):
    name: str


class BoxParams(GrantParams):
    roles: list[str]
    rules: list[BoxRule] = []  # noqa: RUF012 - pydantic copies it

    @field_validator("roles")
    @classmethod
    def _no_star(cls, roles: list[str]) -> list[str]:
        if "*" in roles:
            raise ValueError(f"a role called {roles} would be everything")
        return roles


class Box(Adapter):
    """Only its words matter here."""

    kind = "box"
    Settings = BoxSettings
    Params = BoxParams


def kinds(kind: str) -> type[Adapter]:
    if kind == "box":
        return Box
    raise UnusableAdapterError(f"There is no adapter called {kind}.", hint="Installed are: box.")


def read(text: str) -> Loaded:
    return loads(text, file="policy.yml", digest="d" * 64, kinds=kinds, environ=ENVIRON)


def codes(loaded: Loaded) -> list[tuple[int, int, str]]:
    return [(p.line, p.column, p.code) for p in loaded.problems]


def wrong(old: str, new: str) -> list[tuple[int, int, str]]:
    """The problems of the right file after one change, which is really made."""
    assert old in RIGHT
    loaded = read(RIGHT.replace(old, new))
    assert (loaded.policy is None) is bool(loaded.problems)
    return codes(loaded)


def test_a_right_file() -> None:
    """A right file is a policy: groups expanded, defaults filled in, variables put in."""
    loaded = read(RIGHT)
    assert loaded.problems == loaded.warnings == ()
    assert loaded.policy is not None
    resource = loaded.policy.resource("prod-db")

    assert loaded.policy.digest == "d" * 64
    assert loaded.policy.channels.audit == "C0AUDIT"
    assert [str(p) for p in resource.approvers] == [
        "maya@example.com", "U0MGR", "@dba", "U0LEAD", "manager",
    ]  # fmt: skip
    assert resource.provider.settings == {"dsn": SECRET}
    assert resource.grant == {"roles": ["reader"]}
    assert (resource.duration, resource.max_duration) == (minutes(20), minutes(240))
    assert (resource.decide_within, resource.remind_after) == (minutes(60), minutes(10))
    assert (resource.warn_before, resource.approvals) == (minutes(5), 1)
    assert (resource.reason, resource.extend) == (ReasonRule(8), ExtendRule(1))
    assert (resource.limit, resource.cooldown, resource.channel) == (None, None, None)


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def test_every_key_of_a_resource() -> None:
    """What a resource says itself wins over the defaults."""
    more = """\
    channel: C0DB
    approvals: 2
    duration: 15m
    max_duration: 1h
    decide_within: 30m
    remind_after: 7m
    warn_before: 2m
    reason: {min_length: 20, pattern: "INC-[0-9]+"}
    limit: {total: 4h, per: 24h}
    cooldown: 10m
    extend: never
"""
    loaded = read(RIGHT + more)
    assert loaded.policy is not None
    resource = loaded.policy.resource("prod-db")

    assert (resource.channel, resource.approvals) == ("C0DB", 2)
    assert (resource.duration, resource.max_duration) == (minutes(15), minutes(60))
    assert (resource.decide_within, resource.remind_after) == (minutes(30), minutes(7))
    assert (resource.warn_before, resource.cooldown) == (minutes(2), minutes(10))
    assert resource.reason == ReasonRule(20, "INC-[0-9]+")
    assert resource.limit == Limit(minutes(240), minutes(1440))
    assert resource.extend.never


@pytest.mark.parametrize(
    ("more", "extend"),
    [
        ("approvals: 3", ExtendRule(3)),
        ("extend: {approvals: 0}", ExtendRule(0)),
        ("approvals: 0", ExtendRule(0)),
    ],
)
def test_extending(more: str, extend: ExtendRule) -> None:
    """Without the key the resource's own approvals hold."""
    policy = read(f"{RIGHT}    {more}\n").policy

    assert policy is not None
    assert policy.resource("prod-db").extend == extend


def test_usual_durations_from_above_are_cut() -> None:
    """A usual duration that was not written for the resource bows to its longest."""
    policy = read(f"{RIGHT}    max_duration: 10m\n").policy

    assert policy is not None
    assert policy.resource("prod-db").duration == minutes(10)


def test_longest_above_the_built_in() -> None:
    """Four hours are exceeded where no defaults say four hours, and not where they do."""
    longer = f"{RIGHT}    max_duration: 8h\n"
    policy = read(longer.replace("max_duration: 4h, ", "")).policy

    assert policy is not None
    assert policy.resource("prod-db").max_duration == minutes(480)
    assert codes(read(longer)) == [(17, 19, "impossible")]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("version: 1", "version: 2", [(1, 10, "out_of_range")]),
        ("version: 1", 'version: "1"', [(1, 10, "out_of_range")]),
        ("version: 1", "# none", [(2, 1, "missing_key")]),
        (", audit: C0AUDIT", "", [(2, 1, "missing_key")]),
        ("C0AUDIT", '"#audit"', [(2, 41, "channel")]),
        ("C0AUDIT", "[C0AUDIT]", [(2, 41, "channel")]),
        ("{approvals: C0APPROVE, audit: C0AUDIT}", "", [(2, 1, "empty")]),
        ("[S0OPS]", "S0OPS", [(3, 9, "wrong_type")]),
        ("[S0OPS]", "[dba]", [(3, 10, "principal")]),
        ("[S0OPS]", "[7]", [(3, 10, "principal")]),
        ("[S0OPS]", "[[S0OPS]]", [(3, 10, "principal")]),
        ("[S0OPS]", "[manager]", [(3, 10, "misplaced_manager")]),
        ("[S0OPS]", "[oncall:primary]", [(3, 10, "not_available")]),
        ("[S0OPS]", "[group:opsy]", [(3, 10, "unknown_group")]),
        ("leads: [U0LEAD]", "leads: [group:dba]", [(5, 3, "group_loop")]),
        ("leads: [U0LEAD]", "leads: [group:leads]", [(6, 3, "group_loop")]),
        ("  leads:", "  Leads:", [(5, 42, "unknown_group"), (6, 3, "name")]),
        ("group:leads]", "group:lead]", [(5, 42, "unknown_group")]),
        ("duration: 20m,", "duration: 20min,", [(7, 22, "duration")]),
        ("duration: 20m,", "duration: 20,", [(7, 22, "duration")]),
        ("duration: 20m,", "duration: 2.5,", [(7, 22, "duration")]),
        ("duration: 20m,", "duration: yes,", [(7, 22, "duration")]),
        ("duration: 20m,", "duration: true,", [(7, 22, "duration")]),
        ("duration: 20m,", "duration: 5h,", [(7, 22, "impossible")]),
        ("duration: 20m,", "duratoin: 20m,", [(7, 12, "unknown_key")]),
        ("min_length: 8", "min_length: -1", [(7, 80, "out_of_range")]),
        ("min_length: 8", "min_length: 1001", [(7, 80, "out_of_range")]),
        ("min_length: 8", 'pattern: "("', [(7, 77, "pattern")]),
        ("min_length: 8", f'pattern: "{"x" * 201}"', [(7, 77, "pattern")]),
        ("min_length: 8", "pattern: 8", [(7, 77, "pattern")]),
        ("approvals: 1", "approvals: 1.0", [(7, 56, "wrong_type")]),
        ("approvals: 1", 'approvals: "1"', [(7, 56, "wrong_type")]),
        ("approvals: 1", "approvals: 21", [(7, 56, "out_of_range")]),
        ("adapter: box", "adapter: bix", [(9, 17, "unknown_adapter")]),
        ("adapter: box, ", "", [(9, 3, "missing_key")]),
        ('dsn: "${DSN}"', "port: 5432", [(9, 3, "missing_key")]),
        ('dsn: "${DSN}"', 'dsn: "${DSN}", prot: 1', [(9, 37, "unknown_key")]),
        ('dsn: "${DSN}"', 'dsn: "${NONE}"', [(9, 27, "missing_variable")]),
        ('dsn: "${DSN}"', 'dsn: "${EMPTY}"', [(9, 27, "missing_variable")]),
        ('dsn: "${DSN}"', 'dsn: "${DSN"', [(9, 27, "interpolation")]),
        ('dsn: "${DSN}"', 'dsn: "${a b}"', [(9, 27, "interpolation")]),
        ('dsn: "${DSN}"', 'dsn: "${file:/nowhere/dsn}"', [(9, 27, "missing_file")]),
        ('dsn: "${DSN}"', 'dsn: "${file:secret}"', [(9, 27, "missing_file")]),
        ("  prod-db:", "  Prod-DB:", [(11, 3, "name")]),
        ("  prod-db:", "  who:", [(11, 3, "name")]),
        ("  prod-db:", "  ../x:", [(11, 3, "name")]),
        ("provider: pg", "provider: pq", [(13, 15, "unknown_provider")]),
        ("    provider: pg\n", "", [(11, 3, "missing_key")]),
        ("    requesters: [anyone]\n", "", [(11, 3, "missing_key")]),
        ("requesters: [anyone]", "requesters: [manager]", [(15, 18, "misplaced_manager")]),
        ("requesters: [anyone]", "requesters: [U0X, manager]", [(15, 23, "misplaced_manager")]),
        ("about: Orders", "limit: {totl: 5h, per: 1h}",
         [(12, 5, "missing_key"), (12, 13, "unknown_key")]),
        ("about: Orders", "approvals: !!int many", [(12, 5, "empty"), (12, 16, "wrong_type")]),
        ("about: Orders", "limit: 5h", [(12, 12, "wrong_type")]),
        ("requesters: [anyone]", "requesters:", [(15, 5, "empty")]),
        ("{roles: [reader]}", "{rolls: [reader]}",
         [(14, 5, "missing_key"), (14, 13, "unknown_key")]),
        ("{roles: [reader]}", "{roles: [a], rules: [{naem: x}]}",
         [(14, 33, "missing_key"), (14, 34, "unknown_key")]),
        ("{roles: [reader]}", "{roles: reader}", [(14, 20, "wrong_type")]),
        ("{roles: [reader]}", '{roles: ["*"]}', [(14, 20, "not_accepted")]),
        ("{roles: [reader]}", "{roles: [1.5]}", [(14, 21, "wrong_type")] * 2),
        ("{roles: [reader]}", "[reader]", [(14, 5, "missing_key"), (14, 12, "wrong_type")]),
        ("about: Orders", f"about: {'x' * 201}", [(12, 12, "out_of_range")]),
        ("about: Orders", "about: 7", [(12, 12, "wrong_type")]),
        ("about: Orders", "abouk: Orders", [(12, 5, "unknown_key")]),
        ("about: Orders", "limit: {total: 5h, per: 1h}", [(12, 20, "impossible")]),
        ("about: Orders", "limit: {total: 5h, per: 5h}", []),
        ("about: Orders", "max_duration: 4h", []),
        ("about: Orders", "limit: {total: 5h}", [(12, 5, "missing_key")]),
        ("about: Orders", "duration: 6h", [(12, 15, "impossible")]),
        ("about: Orders", "extend: sometimes", [(12, 13, "extend")]),
        ("about: Orders", "extend: {approvals: -1}", [(12, 25, "out_of_range")]),
        ("about: Orders", "escalate: {after: 5m, to: [U0X]}", [(12, 5, "not_available")]),
        ("about: Orders", "end_when: {unused_for: 5m}", [(12, 5, "not_available")]),
        ("about: Orders", "escalate: {after: 5m, to: []}",
         [(12, 5, "not_available"), (12, 31, "out_of_range")]),
        ("about: Orders",
         "emergency: {requesters: [U0X], max_duration: 5m, reviewers: [U0X], review_within: 1d}",
         [(12, 5, "not_available")]),
        ("about: Orders",
         "exception: {max_duration: 7d, approvals: 2, approvers: [U0X], confirm_every: 1d}",
         [(12, 5, "not_available")]),
        ("about: Orders", "approvals: {}", [(12, 16, "wrong_type")]),
        ("admins: [S0OPS]", "admin: [S0OPS]", [(3, 1, "unknown_key")]),
        ("admins: [S0OPS]", "people: {dana: {box: d}}", [(3, 10, "person")]),
        ("admins: [S0OPS]", "people: {d@example.com: {box: 1}}", [(3, 31, "wrong_type")]),
    ],
)  # fmt: skip
def test_one_thing_wrong(old: str, new: str, found: list[tuple[int, int, str]]) -> None:
    """Each kind of mistake is found, alone and where it stands."""
    assert wrong(old, new) == found


def test_all_at_once() -> None:
    """Many mistakes in many places are all told in one reading."""
    text = RIGHT
    for old, new in [
        ("C0APPROVE", "approvals"),
        ("group:leads]", "group:lead]"),
        ("max_duration: 4h", "max_duration: 4 hours"),
        ("${DSN}", "${NONE}"),
        ("about: Orders", "abouk: Orders"),
        ("[reader]", "7"),
        ("[anyone]", "[everyone]"),
    ]:
        text = text.replace(old, new)

    assert [code for _, _, code in codes(read(text))] == [
        "channel", "unknown_group", "duration", "missing_variable", "unknown_key", "wrong_type",
        "principal",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("approvers", "approvals", "problems", "warnings"),
    [
        ("[]", 1, [], ["nobody_can_approve"]),
        ("[]", 0, [], []),
        ("[U0AA]", 2, ["too_few_approvers"], []),
        ("[U0AA, U0AA]", 2, ["too_few_approvers"], []),
        ("[U0AA, manager]", 3, ["too_few_approvers"], []),
        ("[U0AA, U0BB]", 2, [], ["only_approver"]),
        ("[U0REQ]", 1, [], ["only_approver"]),
        ("[U0REQ, U0AA]", 1, [], []),
        ("[S0DBA]", 20, [], []),
        ("[group:few]", 2, ["too_few_approvers"], []),
    ],
)
def test_counting(approvers: str, approvals: int, problems: list[str], warnings: list[str]) -> None:
    """Approvers that the file itself lists are counted, the asking one never among them."""
    requesters = "[U0REQ]" if "U0REQ" in approvers else "[U0AA]"
    text = (
        RIGHT.replace("[anyone]", requesters)
        .replace("[group:dba, manager]", approvers)
        .replace("admins: [S0OPS]", "admins: [group:dba, group:few]")
        .replace("groups:", "groups:\n  few: [U0AA]")
    )
    loaded = read(f"{text}    approvals: {approvals}\n")

    assert [p.code for p in loaded.problems] == problems
    assert [p.code for p in loaded.warnings] == warnings


def test_wrong_lists_are_not_counted() -> None:
    """Where a word cannot be read, the number of approvers is not guessed at."""
    text = RIGHT.replace("[group:dba, manager]", "[group:dba]").replace('"@dba"', "somebody")
    loaded = read(f"{text}    approvals: 9\n")

    assert [p.code for p in loaded.problems] == ["principal"]


@pytest.mark.parametrize(
    ("old", "new", "code", "severity"),
    [
        ("  leads:", "  spare: [U0SPARE]\n  leads:", "unused", Severity.WARNING),
        ("resources:", "  other: {adapter: box, dsn: x}\nresources:", "unused", Severity.WARNING),
        ("about: Orders", "warn_before: 2h", "suspicious", Severity.WARNING),
        ("about: Orders", "remind_after: 2h\n    decide_within: 1h", "suspicious",
         Severity.WARNING),
        ("about: Orders", "limit: {total: 5m, per: 1h}\n    duration: 10m", "suspicious",
         Severity.WARNING),
        ("admins: [S0OPS]", "people: {d@example.com: {ssh: d}}", "unused", Severity.WARNING),
        ("  prod-db:", f"{TWIN}\n  prod-db:", "same_thing", Severity.WARNING),
    ],
)  # fmt: skip
def test_suspicious(old: str, new: str, code: str, severity: Severity) -> None:
    """What is merely suspicious is said, and the policy is used."""
    loaded = read(RIGHT.replace(old, new))

    assert loaded.policy is not None
    assert [(p.code, p.severity) for p in loaded.warnings] == [(code, severity)]


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("", (1, 1), "wrong_type"),
        ("- a", (1, 1), "wrong_type"),
        ("version: 1\n\tx: 2", (2, 1), "yaml"),
        ("a: @dba", (1, 4), "yaml"),
        ("a: {b: ${X}}", (1, 9), "yaml"),
        ("a: 1\n---\nb: 2", (2, 1), "yaml"),
        ("a: *nowhere", (1, 4), "yaml"),
        ("a: \x00", (1, 1), "yaml"),
        ("[" * 100 + "]" * 100, (1, 24), "yaml"),
        ("a: !!python/object/apply:os.system [id]", (1, 4), "yaml_tag"),
        ("a: &a [*a]", (1, 4), "yaml_too_large"),
        ("? [a, b]\n: c", (1, 3), "wrong_type"),
        ("a: 1\na: 2", (2, 1), "duplicate_key"),
    ],
)
def test_bad_yaml(text: str, place: tuple[int, int], code: str) -> None:
    """What is no YAML, or YAML with more than plain values, is told with its place."""
    assert (*place, code) in codes(read(text))


def test_a_yaml_bomb() -> None:
    """A small file that stands for a billion values is refused at once."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    found = [code for _, _, code in codes(read("\n".join(lines)))]

    assert found.count("yaml_too_large") == 1


def test_words_stay_words() -> None:
    """`no`, `on` and `12:30` are words; `0x10` is no number; huge numbers break nothing."""
    loaded = read(RIGHT.replace("about: Orders", "about: no"))

    assert loaded.policy is not None
    assert loaded.policy.resource("prod-db").about == "no"
    assert wrong("about: Orders", "approvals: 0x10") == [(12, 16, "wrong_type")]
    assert wrong("about: Orders", f"approvals: {'9' * 5000}") == [(12, 16, "wrong_type")]


def test_a_literal_reference() -> None:
    """`$${` stands for `${`, and a lone dollar for itself."""
    loaded = read(RIGHT.replace("about: Orders", 'about: "$${DSN} costs $5"'))

    assert loaded.policy is not None
    assert loaded.policy.resource("prod-db").about == "${DSN} costs $5"


def test_files(tmp_path: Path) -> None:
    """`${file:/path}` is the file's content, less its line end; bad content is not quoted."""
    secret = tmp_path / "dsn"
    secret.write_bytes(b"postgresql://from-file\r\n")
    good = read(RIGHT.replace("${DSN}", f"${{file:{secret}}}"))
    assert good.policy is not None
    assert good.policy.providers["pg"].settings["dsn"] == "postgresql://from-file"

    for content, said in [(b"\xffhunter2", "not UTF-8"), (b"x" * 70_000, "more than 65536")]:
        secret.write_bytes(content)
        problem = read(RIGHT.replace("${DSN}", f"${{file:{secret}}}")).problems[0]
        assert problem.code == "missing_file"
        assert said in problem.message
        assert "hunter2" not in problem.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("anyone", '"${DSN}"'),
        ("anyone", '"${LONG}"'),
        ("C0AUDIT", '"${DSN}"'),
        ("duration: 20m", 'duration: "${DSN}"'),
        ("duration: 20m", 'duration: "${SHORT}"'),
        ("approvals: 1", 'approvals: "${DSN}"'),
        ("provider: pg", 'provider: "${DSN}"'),
        ("adapter: box", 'adapter: "${DSN}"'),
        ("roles: [reader]", 'roles: ["*", "${DSN}"]'),
        ("about: Orders", 'reason: {pattern: "(${DSN}"}'),
        ("about: Orders", 'extend: "${DSN}"'),
    ],
)
def test_no_secret_is_shown(old: str, new: str) -> None:
    """A value that was put in shows in no problem, however wrong its place is."""
    loaded = read(RIGHT.replace(old, new))
    told = render_problems(loaded.problems) + problems_as_json(loaded.problems)

    assert loaded.problems
    assert "hunter2" not in told
    assert "horse" not in told
    assert "postgresql://" not in told
    assert "x7" not in told.replace(new, "")


def test_passwords_in_the_file_are_not_shown() -> None:
    """A password that stands in a URL of the file itself is left out of the excerpt."""
    loaded = read(RIGHT.replace('"${DSN}"', f"{SECRET}, prot: 1"))

    assert "db/orders" in render_problems(loaded.problems)
    assert "hunter2" not in render_problems(loaded.problems)


def test_rendering() -> None:
    """A problem is shown with its line, a caret below the place, and the hint."""
    loaded = read(RIGHT.replace("provider: pg", "provider: pq"))

    assert render_problems(loaded.problems) == (
        "policy.yml:13:15: error [unknown_provider]: There is no provider pq.\n"
        "  13 |     provider: pq\n"
        "     |               ^\n"
        "  hint: Known are: pg."
    )
    assert str(loaded.problems[0]) == (
        "policy.yml:13:15: error: There is no provider pq. Known are: pg."
    )


def test_json() -> None:
    """Other programs get the same as a list of objects."""
    loaded = read(RIGHT.replace("provider: pg", "provider: pq"))

    assert json.loads(problems_as_json(loaded.problems)) == [
        {
            "file": "policy.yml",
            "line": 13,
            "column": 15,
            "severity": "error",
            "code": "unknown_provider",
            "message": "There is no provider pq.",
            "hint": "Known are: pg.",
        }
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yml"
    path.write_text(RIGHT)
    path.chmod(0o644)
    return path


def from_file(path: Path) -> Loaded:
    return load(path, kinds=kinds, environ=ENVIRON)


def test_from_a_file(path: Path, tmp_path: Path) -> None:
    """The digest is that of the bytes; a symbolic link and a byte-order mark are no hindrance."""
    link = tmp_path / "link.yml"
    link.symlink_to(path)
    first, linked = from_file(path).policy, from_file(link).policy
    path.write_text("\ufeff" + RIGHT)
    marked = from_file(path).policy

    assert first is not None
    assert linked is not None
    assert marked is not None
    assert len(first.digest) == 64
    assert first.digest == linked.digest != marked.digest


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_writable_by_others(path: Path, mode: int) -> None:
    """A policy that somebody else can change is no policy, linked to or not."""
    path.chmod(mode)
    link = path.with_name("link.yml")
    link.symlink_to(path)

    for name in (path, link):
        problem = only(from_file(name))
        assert (problem.code, problem.hint) == ("writable_by_others", f"chmod go-w {name}")


def test_unreadable(path: Path, tmp_path: Path) -> None:
    """A missing file, a directory, a pipe, a huge file, other encodings: told, never hung on."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    assert only(from_file(tmp_path / "none.yml")).code == "unreadable"
    assert only(from_file(tmp_path)).code == "unreadable"
    assert only(from_file(pipe)).code == "unreadable"

    path.write_bytes(b"version: 1\n\xff")
    assert (only(from_file(path)).code, only(from_file(path)).line) == ("encoding", 2)
    path.write_bytes(b"#" * (SIZE_LIMIT + 1))
    assert only(from_file(path)).code == "too_large"


def only(loaded: Loaded) -> Problem:
    assert loaded.policy is None
    (problem,) = loaded.problems
    return problem


LINES = RIGHT.splitlines()


@given(st.integers(0, len(LINES) - 1), st.text(max_size=12), st.integers(0, 60))
def test_any_damage_is_told(line: int, text: str, column: int) -> None:
    """A file damaged anywhere is a policy still or has problems, and breaks nothing."""
    damaged = LINES[line][:column] + text + LINES[line][column + 1 :]
    loaded = read("\n".join([*LINES[:line], damaged, *LINES[line + 1 :]]))

    assert (loaded.policy is None) is bool(loaded.problems)
    assert all(p.line >= 1 and p.column >= 1 and p.message for p in loaded.problems)


def test_handles_are_read_in_quotes() -> None:
    """A bare handle is no YAML, and the hint says to put it in quotes."""
    loaded = read(RIGHT.replace('"@dba"', "@dba"))

    assert "quotes" in only(loaded).hint
    assert parse_principal("@dba") is not None
