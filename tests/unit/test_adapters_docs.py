"""The adapters' pages say what the code does: each block of code in them is run."""

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import yaml

from adapters import registry, table
from adapters._kubernetes_policy import KubernetesParams, KubernetesSettings
from adapters._vault_policy import VaultParams, VaultSettings
from adapters.base import Order, Person
from adapters.demo import DemoParams, Fault, forget_worlds
from adapters.kubernetes import KubernetesAdapter
from adapters.ldap import LdapAdapter, LdapParams, LdapSettings
from adapters.manual import ManualParams
from adapters.mysql import MysqlAdapter, MysqlParams, MysqlSettings
from adapters.okta import OktaAdapter, OktaParams, OktaSettings
from adapters.postgres import PostgresAdapter, PostgresParams, PostgresSettings
from adapters.ssh import SshAdapter, SshParams, SshSettings
from adapters.vault import VaultAdapter
from sandbox.providers.okta import PERMISSIONS

PAGES = Path(__file__).parents[2] / "docs" / "adapters"
PROJECT = tomllib.loads((PAGES.parents[1] / "pyproject.toml").read_text())["project"]
CLASSES = tuple(registry.load(kind) for kind in PROJECT["entry-points"]["curfew.adapters"])


def blocks(page: str, language: str) -> list[str]:
    text = (PAGES / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_table_is_as_the_code() -> None:
    """The capabilities in the docs are those of the classes."""
    text = (PAGES / "README.md").read_text()
    assert table.replaced(text, table.table(CLASSES)) == text
    assert text.count("| yes |") > 2


def test_every_adapter_has_its_page_and_line() -> None:
    """Whoever adds an adapter adds its page."""
    ours = {cls.kind for cls in CLASSES}
    assert ours <= set(registry.available()) | ours
    for kind in ours:
        assert (PAGES / f"{kind}.md").exists()
        assert f"({kind}.md)" in (PAGES / "README.md").read_text()


def test_the_blocks_of_the_postgres_page_are_valid() -> None:
    """The settings and the grant block that people copy pass the adapter's own schema."""
    provider, grant = (yaml.safe_load(text) for text in blocks("postgres.md", "yaml"))
    found = dict(provider["providers"]["orders-pg"])
    assert found.pop("adapter") == "postgres"
    found["dsn"] = "postgresql://curfew_admin:word@db.internal:5432/postgres"
    settings = PostgresSettings.model_validate(found)
    assert set(found) == set(PostgresSettings.model_fields)
    assert set(grant["grant"]) == set(PostgresParams.model_fields)
    params = PostgresParams.model_validate(grant["grant"])
    assert (settings.connections, params.login) == (8, "temporary")


def test_the_clean_up_on_the_postgres_page_is_the_adapter_s() -> None:
    """What the page tells a human to paste is what an alarm tells them."""
    settings = PostgresSettings.model_validate({"dsn": "postgresql://a@b/c"})
    adapter = PostgresAdapter("orders-pg", settings)
    person = Person("U1", names={"postgres": "dana"})
    now = datetime(2026, 1, 1, tzinfo=UTC)
    login = Order("0123456789ab", "prod-db", {"roles": ["app_readonly"]}, person, now)
    assert adapter.cleanup(login) == blocks("postgres.md", "sql")[-1].strip()
    params = {"roles": ["app_readonly"], "login": "existing"}
    membership = Order("0123456789ab", "prod-db", params, person, now)
    assert f"`{adapter.cleanup(membership)}`" in (PAGES / "postgres.md").read_text()


def test_the_ldap_page_holds() -> None:
    """Its settings and grant block pass the schema; its clean-up is what an alarm tells."""
    provider, grant = (yaml.safe_load(text) for text in blocks("ldap.md", "yaml"))
    found = dict(provider["providers"]["corp"])
    assert found.pop("adapter") == "ldap"
    assert set(found) == set(LdapSettings.model_fields)
    assert set(grant["grant"]) == set(LdapParams.model_fields)
    LdapParams.model_validate(grant["grant"])
    adapter = LdapAdapter("corp", LdapSettings.model_validate(found))
    order = Order("0123456789ab", "dba", grant["grant"], Person("U1"), datetime.now(UTC))
    assert adapter.cleanup(order) == blocks("ldap.md", "text")[-1].strip()


def test_the_mysql_page_holds() -> None:
    """Its settings and grant block pass the schema; its clean-up is what an alarm tells."""
    provider, grant = (yaml.safe_load(text) for text in blocks("mysql.md", "yaml"))
    found = dict(provider["providers"]["shop-db"])
    assert found.pop("adapter") == "mysql"
    assert set(found) == set(MysqlSettings.model_fields)
    MysqlSettings.model_validate(found)
    assert set(grant["grant"]) == set(MysqlParams.model_fields)
    MysqlParams.model_validate(grant["grant"])
    adapter = MysqlAdapter("shop-db", MysqlSettings.model_validate({**found, "logins_from": "%"}))
    order = Order("0123456789ab", "shop", grant["grant"], Person("U1"), datetime.now(UTC))
    assert adapter.cleanup(order) == blocks("mysql.md", "sql")[-1].strip()


def test_the_blocks_of_the_ssh_page_are_valid() -> None:
    """Both ways to hold the CA's key, and every key of the grant block, pass the schema."""
    file, agent, grant = (yaml.safe_load(text) for text in blocks("ssh.md", "yaml"))
    shown = set()
    for block in (file, agent):
        found = dict(block["providers"]["bastions"])
        assert found.pop("adapter") == "ssh"
        SshSettings.model_validate(found)
        shown |= set(found)
    assert shown == set(SshSettings.model_fields)
    assert set(grant["grant"]) == set(SshParams.model_fields)
    assert grant["grant"]["extensions"] == list(SshParams(principals=("ops",)).extensions)


def test_the_clean_up_on_the_ssh_page_is_the_adapter_s() -> None:
    """What the page tells a human to paste is what an alarm tells them."""
    found = yaml.safe_load(blocks("ssh.md", "yaml")[0])["providers"]["bastions"]
    del found["adapter"]
    adapter = SshAdapter("bastions", SshSettings.model_validate(found))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    order = Order("0123456789ab", "bastion", {"principals": ["ops"]}, Person("U1"), now)
    assert adapter.cleanup(order) == blocks("ssh.md", "sh")[-1].strip()


def test_the_kubernetes_page_holds() -> None:
    """Its settings and grant block pass the schema; its clean-up is what an alarm tells them."""
    provider, grant = (yaml.safe_load(text) for text in blocks("kubernetes.md", "yaml")[:2])
    found = dict(provider["providers"]["production"])
    assert found.pop("adapter") == "kubernetes"
    assert set(found) | {"token_file"} == set(KubernetesSettings.model_fields)
    adapter = KubernetesAdapter("production", KubernetesSettings.model_validate(found))
    assert set(grant["grant"]) | {"cluster_role"} == set(KubernetesParams.model_fields)
    order = Order("0123456789ab", "orders", grant["grant"], Person("U1"), datetime.now(UTC))
    assert adapter.cleanup(order) == blocks("kubernetes.md", "sh")[-1].strip()


def test_the_vault_page_holds() -> None:
    """Its settings and all four grant blocks pass the schema; its clean-up is the alarm's."""
    provider, forms = (yaml.safe_load(text) for text in blocks("vault.md", "yaml"))
    found = dict(provider["providers"]["vault"])
    assert found.pop("adapter") == "vault"
    assert set(found) | {"token"} == set(VaultSettings.model_fields)
    adapter = VaultAdapter("vault", VaultSettings.model_validate(found))
    shown = set().union(*forms.values())
    assert shown == set(VaultParams.model_fields)
    for block in forms.values():
        VaultParams.model_validate(block)
    order = Order("0123456789ab", "orders", forms["token"], Person("U1"), datetime.now(UTC))
    assert adapter.cleanup(order) == blocks("vault.md", "sh")[-1].strip()


def test_the_okta_page_holds() -> None:
    """Its settings and grant block pass the schema; its clean-up is what an alarm tells."""
    provider, grant = (yaml.safe_load(text) for text in blocks("okta.md", "yaml"))
    found = dict(provider["providers"]["okta"])
    assert found.pop("adapter") == "okta"
    adapter = OktaAdapter("okta", OktaSettings.model_validate(found))
    assert set(found) | {"client"} == set(OktaSettings.model_fields)
    assert set(grant["grant"]) == set(OktaParams.model_fields)
    person = Person("U1", email="dana@example.com")
    order = Order("0123456789ab", "orders", grant["grant"], person, datetime.now(UTC))
    assert f"`{adapter.cleanup(order)}`" in (PAGES / "okta.md").read_text()
    (role,) = (json.loads(text) for text in blocks("okta.md", "json"))
    assert set(role["permissions"]) == set(PERMISSIONS)


def test_the_demo_page_holds() -> None:
    """Its policy passes the schema, its code runs, and its table has every fault."""
    page = yaml.safe_load(blocks("demo.md", "yaml")[0])
    for resource in page["resources"].values():
        DemoParams.model_validate(resource["grant"])
    exec(compile(blocks("demo.md", "python")[0], "demo.md", "exec"), {})  # noqa: S102 - our page
    forget_worlds()
    text = (PAGES / "demo.md").read_text()
    for fault in Fault:
        assert f"| `{fault.name}` |" in text


def test_the_manual_page_holds() -> None:
    """The grant block that people copy passes the schema."""
    page = yaml.safe_load(blocks("manual.md", "yaml")[0])
    params = ManualParams.model_validate(page["resources"]["safe-key"]["grant"])
    assert params.minutes == ManualParams.model_fields["minutes"].default
