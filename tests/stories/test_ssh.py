"""Certificates through Slack: the form that asks for a public key, the list that hosts fetch."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from adapters import _ssh_krl as krl
from bot.demo.shop import Shop
from bot.domain.grant import State
from bot.engine.providers import order_of
from sandbox import text_of
from tests.conformance.ssh_ground import SshGround
from tests.ssh_host import PAGE, Host, certificate_of
from tests.stories.every_adapter import Subject
from tests.stories.scene import MINUTE, Scene, playing
from tests.stories.test_every_adapter import taken

ASK = "/access target 30m fix the stuck order"


@pytest.fixture
def ground(ssh_host: Host) -> SshGround:
    ssh_host.wipe()
    return SshGround(ssh_host, "agent")


@pytest.fixture
def road() -> str:
    return "http"


@pytest.fixture
async def scene(
    ground: SshGround, shop: Shop, sqlite_url: str, tmp_path: Path, road: str
) -> AsyncIterator[Scene]:
    policy = Subject(ground, {"adapter": "ssh", **ground.given}).policy
    async with playing(road, sqlite_url, tmp_path, shop, policy=policy) as made:
        yield made


async def fetched(scene: Scene, tag: str = "") -> tuple[int, bytes, str]:
    """What a host gets from the bot: status, list, and its mark."""
    url = f"{scene.bot.web.url}/providers/target/krl"
    known = {"If-None-Match": tag} if tag else {}
    async with aiohttp.ClientSession() as client, client.get(url, headers=known) as answer:
        return answer.status, await answer.read(), answer.headers["ETag"]


@pytest.mark.parametrize("road", ["http", "socket"])
async def test_a_private_key_by_mistake(scene: Scene, ground: SshGround) -> None:
    """It is said beside the field and kept nowhere; the public one then lets Dana in."""
    grant = await scene.active(ASK)
    home = ground.host.home("dana")
    private = (home / ".ssh" / "id_ed25519").read_text()
    scene.secrets += private.splitlines()[1:-1]
    await scene.dana.click("Get credentials", message=await scene.told("Get credentials"))
    await scene.dana.waits_for_modal("Your public key")
    sent = await scene.dana.submit({"Your public key": private})
    assert "This is a private key" in sent["errors"]["answer_public_key"]
    assert "credentials.issued" not in await scene.kinds()
    await scene.dana.submit({"Your public key": ground.answers()["public_key"]})
    shown = text_of(await scene.dana.waits_for_modal("Shown once"))
    assert "PRIVATE KEY" not in shown
    assert (await scene.kinds()).count("credentials.issued") == 1
    await scene.dana.close()
    await scene.dana.click("Revoke now", message=await scene.told("Revoke now"))
    await scene.reaches(grant, State.ENDED)


async def test_hosts_follow_the_list(scene: Scene, ground: SshGround) -> None:
    """What is fetched changes with each revocation and not without; it ends what hosts let in."""
    status, empty, tag = await fetched(scene)
    assert (status, krl.decode(empty)) == (200, krl.Revoked())
    grant = await scene.active(ASK)
    first = await taken(scene, ground)
    assert (await fetched(scene, tag))[0] == 304
    second = await taken(scene, ground)
    _, listed, _ = await fetched(scene, tag)
    assert len(krl.decode(listed).serials) == 1
    order = order_of(grant)
    assert await ground.admits(order, second)
    assert not await ground.admits(order, first)
    await scene.dana.click("Revoke now", message=await scene.told("Revoke now"))
    await scene.reaches(grant, State.ENDED)
    _, listed, _ = await fetched(scene, tag)
    assert krl.decode(listed).key_ids == {order.mark}
    assert not await ground.admits(order, second)


async def test_a_host_runs_the_line_of_the_page(
    scene: Scene, ground: SshGround, tmp_path: Path
) -> None:
    """The list arrives whole; while nothing, or no list, can be fetched, the former one stays."""
    if shutil.which("curl") is None:
        pytest.skip("no curl here: apt-get install curl")
    grant = await scene.active(ASK)
    await taken(scene, ground)
    await scene.dana.click("Revoke now", message=await scene.told("Revoke now"))
    await scene.reaches(grant, State.ENDED)
    [line] = re.findall(r"^\* \* \* \* \* root (.*)$", PAGE.read_text(), re.MULTILINE)
    line = line.replace("/etc/ssh", str(tmp_path)).replace("https://curfew.example.com", "$BOT")
    line = line.replace("/providers/bastions/", "/providers/$NAME/")
    place = tmp_path / "curfew.krl"

    async def cron(bot: str, name: str) -> int:
        env = {"PATH": os.environ["PATH"], "BOT": bot, "NAME": name}
        return await (await asyncio.create_subprocess_shell(line, env=env)).wait()

    assert await cron(scene.bot.web.url, "target") == 0
    fetched_list = place.read_bytes()
    assert krl.decode(fetched_list).key_ids == {order_of(grant).mark}
    assert await cron(scene.bot.web.url, "nobody") != 0
    assert await cron("http://127.0.0.1:9", "target") != 0
    assert await cron(f"{scene.bot.web.url}/healthz?", "target") != 0
    assert place.read_bytes() == fetched_list


async def test_more_time_by_another_certificate(scene: Scene, ground: SshGround) -> None:
    """After an extension the next certificate lasts to the grant's new end."""
    grant = await scene.active(ASK)
    await scene.dana.command("/access extend target 15m not done yet")
    asked = await scene.maya.waits_for("not done yet", channel="#approvals")
    await scene.maya.click("extension_approve:1", message=asked)
    await scene.told("Extended")
    longer = await scene.only()
    assert grant.expires_at is not None
    assert longer.expires_at == grant.expires_at + 15 * MINUTE
    credential = await taken(scene, ground)
    assert await ground.admits(order_of(longer), credential)
    end = f"{longer.expires_at.astimezone():%Y-%m-%dT%H:%M:%S}"
    assert f" to {end}\n" in certificate_of(credential)
    await scene.dana.click("Revoke now", message=await scene.told("Revoke now"))
    await scene.reaches(longer, State.ENDED)
