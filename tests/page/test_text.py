"""Slack's text as the page reads it, and what hostile text must not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from sandbox.records import User
from sandbox.seed import APPROVALS, DANA, GENERAL, MAYA
from tests.page.porter import active, button, mrkdwn, plain, reason_form, section
from tests.page.stage import send, window

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.page.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = (
    "<img src=x onerror=document.body.dataset.pwned=1>",
    "<script>document.body.dataset.pwned=1</script>",
    '"><svg onload=document.body.dataset.pwned=1>',
    "<javascript:document.body.dataset.pwned=1|press me>",
    "</textarea></pre><iframe srcdoc='<script>parent.document.body.dataset.pwned=1</script>'>",
    "{{constructor.constructor('document.body.dataset.pwned=1')()}}",
    "`<img src=x onerror=document.body.dataset.pwned=1>` ```<b>x</b>```",
    "&lt;img src=x onerror=document.body.dataset.pwned=1&gt;",
    "\u202e<!date^1^{date}^javascript:alert(1)|<b>later</b>>",
)


async def pieces(page: Page, source: str, **reading: bool) -> list[dict[str, Any]]:
    """The tree that the page's own module reads."""
    script = "async ([s, r]) => (await import('/static/mrkdwn.js')).parse(s, r)"
    tree: list[dict[str, Any]] = await page.evaluate(script, [source, reading])
    return tree


def text(words: str) -> dict[str, Any]:
    return {"kind": "text", "text": words}


def marked(kind: str, *of: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "of": list(of)}


READINGS: list[tuple[str, list[dict[str, Any]]]] = [
    ("*bold* _it_ ~no~", [
        marked("bold", text("bold")), text(" "), marked("italic", text("it")), text(" "),
        marked("strike", text("no")),
    ]),
    ("*_both_*", [marked("bold", marked("italic", text("both")))]),
    ("snake_case_name 2*3*4", [text("snake_case_name 2*3*4")]),
    ("*not over\nlines*", [text("*not over"), {"kind": "break"}, text("lines*")]),
    ("`*code* &lt;`", [{"kind": "code", "text": "*code* <"}]),
    ("a ```one\n*two*``` b", [text("a "), {"kind": "pre", "text": "one\n*two*"}, text(" b")]),
    ("```open", [text("```open")]),
    ("&gt; said\nnot", [marked("quote", text("said")), text("not")]),
    ("&amp;lt; &lt;!channel&gt;", [text("&lt; <!channel>")]),
    ("<@U0DANA> <!subteam^S0DBA>", [
        {"kind": "user", "id": "U0DANA", "label": ""}, text(" "),
        {"kind": "group", "id": "S0DBA", "label": ""},
    ]),
    ("<!channel> @here", [{"kind": "everyone", "name": "channel"}, text(" @here")]),
    ("<https://example.com/?a=1&amp;b|a &lt;b&gt;>", [
        {"kind": "link", "url": "https://example.com/?a=1&b", "of": [text("a <b>")]},
    ]),
    ("see https://example.com/a.", [
        text("see "),
        {"kind": "link", "url": "https://example.com/a", "of": [text("https://example.com/a")]},
        text("."),
    ]),
    ("<javascript:alert(1)|x>", [text("<javascript:alert(1)|x>")]),
    ("<b>", [text("<b>")]),
    ("a < b", [text("a < b")]),
    (":lock: :b c:", [{"kind": "emoji", "name": "lock"}, text(" :b c:")]),
    ("<!date^1^{time}|x>", [
        {"kind": "date", "at": 1, "format": "{time}", "url": "", "fallback": "x"},
    ]),
]  # fmt: skip


async def test_mrkdwn_is_read_as_slack_does(stage: Stage) -> None:
    """Each line of the table."""
    page = await stage.open(DANA)
    for source, expected in READINGS:
        assert await pieces(page, source) == expected, source


async def test_names_are_read_in_text_objects_unless_verbatim(stage: Stage) -> None:
    """So that a bot which forgets `verbatim` sees what Slack would make of user text."""
    page = await stage.open(DANA)
    here = {"kind": "everyone", "name": "here"}
    assert await pieces(page, "@here", names=True) == [here]
    assert await pieces(page, "@here", names=True, verbatim=True) == [text("@here")]
    assert await pieces(page, "https://example.com/", verbatim=True) == [
        text("https://example.com/")
    ]


async def test_reading_is_linear_in_the_text(stage: Stage) -> None:
    """A hundred thousand marks without partners; quadratic reading would outlast the test."""
    page = await stage.open(DANA)
    for mark in ("*a ", "_a ~b ", "<", "`", "<@", "&", ":a", "> *", "```", "https://"):
        tree = await pieces(page, mark * (100_000 // len(mark)))
        assert tree


DATES: list[tuple[str, str]] = [
    ("{date_num} {time}", "2026-11-23 5:30 PM"),
    ("{date} {time_secs}", "November 23rd, 2026 5:30:00 PM"),
    ("{date_short}", "Nov 23, 2026"),
    ("{date_long}", "Monday, November 23rd, 2026"),
    ("{date_short_pretty} at {time}", "today at 5:30 PM"),
    ("{ago}", "in 30 minutes"),
]


async def test_dates_are_written_in_the_readers_zone(stage: Stage) -> None:
    """By Slack's tokens; an unknown token or moment gives the fallback."""
    page = await stage.open(DANA)
    script = """async ([format, now, at]) => (await import('/static/dates.js'))
        .writeDate(at, format, {tz: 'Europe/Berlin', now, locale: 'en-US'})"""
    now = 1795449600.0  # 2026-11-23 16:00 UTC
    for pattern, expected in DATES:
        assert await page.evaluate(script, [pattern, now, now + 1800]) == expected, pattern
    assert await page.evaluate(script, ["{nonsense}", now, now]) is None
    assert await page.evaluate(script, ["{date}", now, 1e20]) is None


async def test_hostile_text_stays_text(stage: Stage) -> None:
    """From people, from the app, in names, forms and questions: shown as written, never run."""
    whole = "\n".join(HOSTILE)
    name = HOSTILE[0]
    workspace = stage.sandbox.workspace
    workspace.users[MAYA].real_name = name
    workspace.add_user(User("U0EVIL", name, name, workspace.team_id, name, color="red;}"))
    workspace.channels[APPROVALS].topic = name
    workspace.notes[:] = [whole]
    page, dana, maya = await stage.pair()
    for line in HOSTILE:
        await send(dana, line)
    ask = active(0)[1]["elements"][0]["confirm"] | {"title": plain(name), "text": plain(HOSTILE[1])}
    evil = button(name[:70], "revoke", confirm=ask)
    for one in (plain(whole), mrkdwn(whole), {"type": "mrkdwn", "text": whole}):
        await stage.porter.post([section(one), {"type": "actions", "elements": [evil]}])
    rich = {"type": "rich_text_section", "elements": [{"type": "text", "text": whole}]}
    await stage.porter.post([{"type": "rich_text", "elements": [rich]}])
    await expect(dana.locator(".message")).to_have_count(len(HOSTILE) + 4)
    for index, line in enumerate(HOSTILE):
        shown = dana.locator(".message .mrkdwn").nth(index)
        if "`" not in line and "\u202e" not in line:
            await expect(shown).to_have_text(line)
    await expect(dana.locator(".message .plain").first).to_have_text(whole)
    await dana.get_by_role("button", name=name[:70], exact=True).first.click()
    await expect(dana.get_by_role("alertdialog")).to_contain_text(HOSTILE[1])
    await maya.locator(".person").click()
    await expect(page.get_by_role("menuitemradio", name=name).last).to_be_visible()
    await unharmed(page)


async def test_hostile_text_in_a_form_stays_text(stage: Stage) -> None:
    """Labels, options and values."""
    name = HOSTILE[0]
    view = reason_form()
    view["blocks"][0]["label"] = view["blocks"][0]["hint"] = plain(name)
    view["blocks"][0]["element"]["options"][0]["text"] = plain(name)
    view["blocks"][1]["element"]["initial_value"] = "\n".join(HOSTILE)
    trigger = stage.sandbox.workspace.views.new_trigger(DANA)
    page = await stage.open(f"{DANA}:{GENERAL}")
    await stage.porter.client.views_open(trigger_id=trigger, view=view)
    form = window(page, DANA).get_by_role("dialog")
    await expect(form.get_by_role("combobox", name=name)).to_be_visible()
    await expect(form.get_by_label("Reason")).to_have_value("\n".join(HOSTILE))
    await unharmed(page)


async def unharmed(page: Page) -> None:
    """Nothing ran, nothing was loaded, nothing became markup."""
    assert await page.evaluate("document.body.dataset.pwned") is None
    foreign = "img, iframe, object, embed, script:not([src^='/static/']), [onerror], [onload]"
    assert await page.locator(foreign).count() == 0
    links = await page.locator("a[href]").evaluate_all("all => all.map((a) => a.protocol)")
    assert set(links) <= {"http:", "https:", "mailto:", "tel:"}
