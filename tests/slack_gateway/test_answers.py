"""Adapters that ask something first: a form with questions, then the credentials in its place."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest
from aiohttp import ClientSession, web

from adapters.base import Ask, Credential, Order, Snippet
from adapters.demo import DemoAdapter
from bot.domain.errors import RefusalError
from sandbox.faults import Fault, FaultKind
from sandbox.player import text_of
from sandbox.seed import DANA
from tests.slack_gateway.floor import floor

if TYPE_CHECKING:
    from bot.storage.database import Database

CODE = "code-nobody-else-may-see"
PASTED = "s3cret-that-was-pasted-by-mistake"


def complaint(answer: str) -> str | None:
    return None if answer.startswith("key ") else "This is no key: it begins with the word key."


class Asking(DemoAdapter):
    """The demo's provider, for people who bring a key."""

    asks: ClassVar[tuple[Ask, ...]] = (
        Ask("key", "Your key", "Empty: one is made.", complaint=complaint),
        Ask("code", "Your code", optional=False),
    )

    async def _issue(self, order: Order) -> Credential:
        made = await super()._issue(order)
        said = "+".join(f"{name}={text}" for name, text in sorted(order.answers.items()))
        return replace(made, snippets=(*made.snippets, Snippet("answers", said)))


async def test_questions_first(database: Database, road: str) -> None:
    """A form with the questions; sent off, the same form shows what was made with the answers."""
    async with floor(database, road, kind=Asking) as here:
        await here.active()
        await here.dana.waits_for("Get credentials")
        await here.dana.click("Get credentials")
        form = await here.dana.waits_for_modal("Your key")
        assert "Empty: one is made." in text_of(form)
        assert form["submit"]["text"] == "Get credentials"
        assert [block["optional"] for block in form["blocks"]] == [True, False]
        sent = await here.dana.submit({"Your key": "key  of\ndana", "Your code": f" {CODE} "})
        assert sent["response_action"] == "update"
        shown = await here.dana.waits_for_modal("Shown once")
        assert shown["id"] == form["id"]
        assert f"code={CODE}+key=key  of\ndana" in text_of(shown)
        assert "credentials.issued" in await here.kinds()


async def test_a_wrong_answer(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """It is said beside its field, nothing is made, and the answer is kept nowhere."""
    caplog.set_level("DEBUG")
    async with floor(database, kind=Asking) as here:
        await here.active()
        await here.dana.waits_for("Get credentials")
        await here.dana.click("Get credentials")
        await here.dana.waits_for_modal("Your key")
        sent = await here.dana.submit({"answer_key": PASTED, "answer_code": CODE})
        assert sent["errors"] == {"answer_key": "This is no key: it begins with the word key."}
        assert [call for call in here.world.calls if call[0] == "issue"] == []
        await here.dana.submit({"answer_key": "", "answer_code": CODE})
        await here.dana.waits_for_modal("Shown once")
        assert [verb for verb, _ in here.world.calls].count("issue") == 1
        events = await here.engine.reading.events((await here.only()).id)
        told = caplog.text + str(events)
        assert PASTED not in told
        assert CODE not in told


async def test_whoever_could_only_be_refused_is_not_asked(database: Database) -> None:
    """Neither somebody else nor after the end is a form opened; a form that is open is refused."""
    async with floor(database, kind=Asking) as here:
        grant = await here.active()
        granted = await here.dana.waits_for("Get credentials")
        await here.dana.click("Get credentials", message=granted)
        await here.dana.waits_for_modal("Your key")
        await here.engine.service.revoke(DANA, grant.id)
        sent = await here.dana.submit({"answer_code": CODE})
        assert "errors" in sent
        assert await here.dana.close()
        await here.dana.click("Get credentials", message=granted)
        await here.sandbox.until(lambda: here.sandbox.traffic.calls("chat.postEphemeral"))
        assert here.dana.modal is None
        assert [verb for verb, _ in here.world.calls].count("issue") == 0


async def test_the_form_of_another(database: Database) -> None:
    """A form that was sent off by anybody else than the requester makes nothing."""
    async with floor(database, kind=Asking) as here:
        grant = await here.active()
        for user in ("U0MAYA", "U0OMAR"):
            with pytest.raises(RefusalError, match="only to the person whose access it is"):
                await here.engine.service.questions(user, grant.id)
        assert (await here.kinds()).count("click.refused") == 2


async def test_a_form_that_comes_twice_makes_one(database: Database) -> None:
    """Credentials that are shown are not ended by a repeat of what made them."""
    async with floor(database, "socket", kind=Asking) as here:
        await here.active()
        await here.dana.waits_for("Get credentials")
        await here.dana.click("Get credentials")
        await here.dana.waits_for_modal("Your key")
        here.sandbox.faults.add(Fault("deliver", FaultKind.DUPLICATE))
        await here.dana.submit({"answer_code": CODE})
        await here.dana.waits_for_modal("Shown once")
        await here.sandbox.until(lambda: len(here.desk.tasks) == 0)
        assert [verb for verb, _ in here.world.calls].count("issue") == 1
        assert "Shown once" in text_of(here.dana.modal or {})


async def test_slack_hears_the_credentials_before_the_ack(database: Database) -> None:
    """An ack that was under way longer does not hide what was shown meanwhile."""
    async with floor(database, kind=Asking) as here, AsyncExitStack() as stack:
        await here.active()
        await here.dana.waits_for("Get credentials")
        await here.dana.click("Get credentials")
        await here.dana.waits_for_modal("Your key")
        here.sandbox.delivery.request_url = await slow(stack, here.sandbox.delivery.request_url)
        await here.dana.submit({"answer_code": CODE})
        await here.dana.waits_for_modal("Shown once")
        await here.sandbox.until(lambda: len(here.desk.tasks) == 0)
        assert "Shown once" in text_of(here.dana.modal or {})
        early = here.sandbox.traffic.calls("views.update")
        assert len(early) > 1, "the ack was not late at all"


async def slow(stack: AsyncExitStack, url: str | None) -> str:
    """The URL of a relay that keeps an answer back until something was updated and a bit longer."""
    assert url is not None
    client = await stack.enter_async_context(ClientSession())

    async def relay(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k.startswith(("X-", "Content-Ty"))}
        async with client.post(url, data=body, headers=headers) as answer:
            await asyncio.sleep(0.3)
            text = await answer.read()
            return web.Response(status=answer.status, body=text, content_type=answer.content_type)

    app = web.Application()
    app.router.add_post("/slack/events", relay)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
