"""Who may ask, decide, end and look; and what a resource's digest says."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ProgramError, RefusalError
from bot.domain.people import Account, Standing
from bot.domain.policy import (
    Channels,
    ExtendRule,
    Limit,
    Policy,
    Provider,
    ReasonRule,
    Resource,
    spoken,
)
from bot.domain.principal import Principal, PrincipalKind, parse_principal
from bot.domain.verdict import YES, Verdict

DEV = Account("U0DEV", email="dev@example.com", groups=frozenset({"S0BACK"}), manager="U0BOSS")
DEV_AGAIN = Account("U0TWO", email="Dev@Example.com", groups=frozenset({"S0DBA"}))
MAYA = Account("U0MAYA", email="maya@example.com", groups=frozenset({"S0DBA"}))
BOSS = Account("U0BOSS")
ADMIN = Account("U0ADMIN", groups=frozenset({"@ops"}))
OTHER = Account("U0OTHER")
SECRET = "postgresql://curfew:hunter2@db/orders"


def words(*texts: str) -> tuple[Principal, ...]:
    return tuple(word for word in map(parse_principal, texts) if word is not None)


PROVIDER = Provider("orders-pg", "postgres", {"dsn": SECRET})
READ = Resource(
    name="prod-db",
    provider=PROVIDER,
    grant={"roles": ["app_readonly"]},
    requesters=words("S0BACK", "S0DBA"),
    approvers=words("S0DBA", "manager"),
)
WRITE = replace(READ, name="a-write", grant={"roles": ["app_owner"]}, requesters=words("U0NONE"))
POLICY = Policy(
    channels=Channels("C0APPROVE", "C0AUDIT"),
    providers={"orders-pg": PROVIDER},
    resources={"prod-db": READ, "a-write": WRITE},
    admins=words("@ops"),
    groups={"dba": words("S0DBA", "@dba")},
    people={"dev@example.com": {"postgres": "dev", "ssh": "d"}, "U0DEV": {"ssh": "deve"}},
)


def test_requesting() -> None:
    """Those whom the resource names may ask for it, others are told the way out."""
    no = POLICY.may_request(READ, OTHER)

    assert POLICY.may_request(READ, DEV) == YES
    assert (no.ok, no.code) == (False, "not_requester")
    assert "/access list" in no.hint


def test_deciding() -> None:
    """Approvers and the requester's manager decide; admins by that alone do not."""
    assert POLICY.may_decide(READ, MAYA, requester=DEV).ok
    assert POLICY.may_decide(READ, BOSS, requester=DEV).ok
    for account in (ADMIN, OTHER):
        no = POLICY.may_decide(READ, account, requester=DEV)
        assert (no.code, no.hint) == ("not_approver", "These can: S0DBA, manager.")


def test_nobody_decides_on_their_own() -> None:
    """Neither under the same id nor through a second account with the same address."""
    own = POLICY.may_decide(READ, MAYA, requester=MAYA)
    second = POLICY.may_decide(READ, DEV_AGAIN, requester=DEV)

    assert own.code == "own_request"
    assert second.code == "own_request"


def test_ending() -> None:
    """The requester, any approver and any admin may end it; a lost resource changes only that."""
    for account in (DEV, DEV_AGAIN, MAYA, BOSS, ADMIN):
        assert POLICY.may_end(READ, account, requester=DEV).ok
    assert POLICY.may_end(READ, OTHER, requester=DEV).code == "not_yours"
    assert POLICY.may_end(None, DEV, requester=DEV).ok
    assert POLICY.may_end(None, ADMIN, requester=DEV).ok

    no = POLICY.may_end(None, MAYA, requester=DEV)
    assert (no.code, no.hint) == ("not_yours", "These can: @ops.")


def test_done_by_hand() -> None:
    """An approver or an admin says that it was done, for others only; without a resource admins."""
    assert POLICY.may_operate(READ, MAYA, requester=DEV).ok
    assert POLICY.may_operate(READ, BOSS, requester=DEV).ok
    assert POLICY.may_operate(None, ADMIN, requester=DEV).ok
    own = POLICY.may_operate(READ, DEV_AGAIN, requester=DEV)
    assert (own.code, "S0DBA" in own.hint) == ("own_request", True)
    none = POLICY.may_operate(READ, OTHER, requester=DEV)
    assert (none.code, "S0DBA" in none.hint) == ("not_operator", True)
    assert POLICY.may_operate(None, MAYA, requester=DEV).code == "not_operator"
    guest = Account("U0GUEST", standing=Standing.GUEST, groups=frozenset({"S0DBA"}))
    assert POLICY.may_operate(READ, guest, requester=DEV).code == "not_member"


def test_looking() -> None:
    """Approvers of a resource and admins see its history, others their own."""
    assert POLICY.may_audit(READ, MAYA).ok
    assert POLICY.may_audit(None, ADMIN).ok
    assert POLICY.may_audit(None, MAYA).code == "not_auditor"
    assert POLICY.may_audit(READ, DEV).code == "not_auditor"


def test_lists() -> None:
    """Each sees what they may ask for or decide on, admins everything, by name."""
    assert names(POLICY.requestable_by(DEV)) == ["prod-db"]
    assert names(POLICY.visible_to(DEV)) == ["prod-db"]
    assert names(POLICY.visible_to(MAYA)) == ["a-write", "prod-db"]
    assert names(POLICY.visible_to(ADMIN)) == ["a-write", "prod-db"]
    assert names(POLICY.requestable_by(ADMIN)) == []
    assert names(POLICY.visible_to(OTHER)) == []


def names(resources: tuple[Resource, ...]) -> list[str]:
    return [resource.name for resource in resources]


@given(st.sampled_from([s for s in Standing if s is not Standing.MEMBER]))
def test_outsiders(standing: Standing) -> None:
    """Whoever is no full member may nothing, not even what `anyone` may."""
    everyone = words("anyone")
    resource = replace(READ, requesters=everyone, approvers=everyone)
    policy = replace(POLICY, admins=everyone, resources={"prod-db": resource})
    outsider = replace(MAYA, standing=standing)
    verdicts = [
        policy.may_request(resource, outsider),
        policy.may_decide(resource, outsider, requester=DEV),
        policy.may_end(resource, outsider, requester=outsider),
        policy.may_audit(resource, outsider),
    ]

    assert [verdict.code for verdict in verdicts] == ["not_member"] * 4
    assert all(verdict.hint for verdict in verdicts)
    assert not policy.is_admin(outsider)
    assert policy.visible_to(outsider) == ()


def test_finding_a_resource() -> None:
    """A resource is found without regard to case; an unknown one is a refusal."""
    assert POLICY.resource("Prod-DB") is READ
    with pytest.raises(RefusalError) as refusal:
        POLICY.resource("prod-dc")

    assert refusal.value.code == "unknown_resource"


def test_user_groups() -> None:
    """Every user group that is named anywhere is known, so that it can be looked up."""
    assert POLICY.user_groups() == {"S0BACK", "S0DBA", "@dba", "@ops"}


def test_names_of_a_person() -> None:
    """Names come by address and by id, the id's first; nobody else has any."""
    assert POLICY.names_of(DEV) == {"postgres": "dev", "ssh": "deve"}
    assert POLICY.names_of(DEV_AGAIN) == {"postgres": "dev", "ssh": "d"}
    assert POLICY.names_of(OTHER) == {}


def test_mentions() -> None:
    """The approvers are mentioned as the file names them."""
    assert POLICY.approver_mentions(READ) == READ.approvers
    assert spoken(()) == "nobody"


@pytest.mark.parametrize(
    "changed",
    [
        replace(READ, grant={"roles": ["app_owner"]}),
        replace(READ, provider=replace(PROVIDER, name="other")),
        replace(READ, provider=replace(PROVIDER, adapter="mysql")),
        replace(READ, approvers=words("S0DBA")),
        replace(READ, approvals=2),
        replace(READ, max_duration=timedelta(hours=5)),
    ],
)
def test_digest_changes(changed: Resource) -> None:
    """What is granted, who decides and for how long at most each change the digest."""
    assert changed.digest != READ.digest


@pytest.mark.parametrize(
    "changed",
    [
        replace(READ, about="text"),
        replace(READ, provider=replace(PROVIDER, settings={"dsn": "other"})),
        replace(READ, approvers=tuple(reversed(READ.approvers))),
        replace(READ, requesters=words("anyone")),
        replace(READ, duration=timedelta(minutes=1), warn_before=timedelta(minutes=1)),
        replace(READ, reason=ReasonRule(10, "x"), limit=Limit(timedelta(1), timedelta(2))),
        replace(READ, extend=ExtendRule(None), cooldown=timedelta(1), channel="C0OTHER"),
    ],
)
def test_digest_stays(changed: Resource) -> None:
    """Nothing else changes it: words, secrets, order, times of reminding."""
    assert changed.digest == READ.digest
    assert len(READ.digest) == 64


def test_no_secret_shows() -> None:
    """The repr of a policy shows no setting of a provider."""
    assert "hunter2" not in repr(POLICY)


def test_unexpanded_groups_are_refused() -> None:
    """A resource with a group in it is a bug, found at once."""
    with pytest.raises(ProgramError, match="group:dba of prod-db"):
        replace(READ, approvers=(Principal(PrincipalKind.GROUP, "dba"),))


def test_verdicts() -> None:
    """A no becomes a refusal with the same words when somebody has to be stopped."""
    no = Verdict("code", "A sentence.", "The way out.")
    YES.require()
    with pytest.raises(RefusalError) as refusal:
        no.require()

    assert (refusal.value.code, refusal.value.message, refusal.value.hint) == (
        "code",
        "A sentence.",
        "The way out.",
    )
    assert YES
    assert not no
    assert ExtendRule(None).never
    assert not ExtendRule(0).never
