"""What was typed wrongly is answered in private with the way out, and changes nothing."""

import json
from typing import Final

from bot.domain.grant import State
from sandbox import Json, text_of
from sandbox.seed import AUDIT
from tests.stories.scene import Play, Scene

WRONG: Final = [
    # line, what is said about it, the line to paste
    ("prod-bd 30m fix the order", "did you mean “prod-db”?", "/access prod-db 30m fix the order"),
    ("lst", "did you mean “list”?", "/access list"),
    ("zzzzz 30m fix the order", "neither a resource nor a command", ""),
    ("prod-db 30min fix the order", "is not a duration", "/access prod-db 30m fix the order"),
    ("prod-db 5m1h fix the order", "is not a duration", "/access prod-db 1h5m fix the order"),
    ("prod-db 1.5h fix the order", "is not a duration", "/access prod-db 1h30m fix the order"),
    ("prod-db 30m30m fix the order", "is not a duration", "/access prod-db 30m fix the order"),
    ("prod-db -5m fix the order", "is not a duration", "/access prod-db 5m fix the order"),
    ("prod-db 0m fix the order", "The shortest duration is 1 second", ""),
    ("prod-db 9h fix the order", "4 h at most", "/access prod-db 4h fix the order"),
    ("prod-db until 25:00 fix it", "25:00", ""),
    ("prod-db 30m at 10pm fix it", "10pm", "/access prod-db 30m at 22:00 fix it"),
    ("prod-db 30m x", "asks for 5 at least", ""),
    ("prod-db-write 5m just a small thing", "INC-[0-9]+", ""),
    ("emergency prod-db fix it now", "no emergency", "/access prod-db fix it now"),
    ("extend", "What shall be extended is missing", ""),
    ("extend prod-db", "How much more time is missing", "/access extend prod-db 30m"),
    ("extend prod-db until 18:00", "not until when", ""),
    ("extend prod-db 30m go on", "nothing open by that name", ""),
    ("revoke", "You have nothing open", "/access list"),
    ("revoke nothing", "neither a resource nor a grant's id", ""),
    ("revoke 0000", "no grant has that id", ""),
    ("who", "The resource is missing", ""),
    ("who nothing", "is no resource", ""),
    ("who prod-db now", "one word too many", "/access who prod-db"),
    ("list everything", "one word too many", "/access list"),
    ("audit @nobody", "nobody called @nobody", ""),
    ("audit prod-db 30min", "is not a duration", "/access audit prod-db 30m"),
]


def to_paste(answer: Json) -> str:
    """The corrected line, which stands by itself."""
    pieces = [block for block in answer["blocks"] if block["type"] == "rich_text"]
    return "\n".join(text_of(piece) for piece in pieces)


async def test_every_wrong_line(play: Play) -> None:
    """It says what was wrong, and the corrected line is there to paste where one can be guessed."""
    async with play() as scene:
        await scene.audit_line("Curfew started")
        before = len(scene.olga.sees(AUDIT))
        wrong = []
        for line, why, paste in WRONG:
            answer = (await scene.dana.command(f"/access {line}"))["response"]
            said = text_of(answer)
            if not (answer["ephemeral"] and why in said and to_paste(answer) == paste):
                wrong.append((line, said, to_paste(answer)))
        assert wrong == []
        assert await scene.grants() == []
        assert scene.roles() == set()
        assert len(scene.olga.sees(AUDIT)) == before
        assert scene.dana.sees("#approvals") == []


async def test_corrected_lines_work(play: Play) -> None:
    """What is offered to paste is accepted when it is pasted."""
    async with play() as scene:
        for line, _, paste in WRONG:
            if paste.startswith("/access prod-db "):
                await scene.dana.command(paste)
                [grant] = [one for one in await scene.grants() if one.state.live]
                await scene.dana.command("/access revoke")
                await scene.reaches(grant, State.CANCELLED)
                assert line.split()[-1] in grant.reason


async def test_what_is_not_possible_now(play: Play) -> None:
    """Asking twice, extending too far or what is not one's own: refused with what there is."""
    async with play("http") as scene:
        grant = await scene.asked()
        again = await answered(scene, "/access prod-db 10m once more please")
        assert grant.id in again
        assert "/access extend" not in again
        early = await answered(scene, "/access extend prod-db 10m go on")
        assert early
        await scene.maya.click("Approve", message=await scene.card(grant))
        active = await scene.reaches(grant, State.ACTIVE)
        again = await answered(scene, "/access prod-db 10m once more please")
        assert grant.id in again
        assert "/access extend prod-db 30m" in again
        long = await answered(scene, "/access extend prod-db 5h go on")
        assert "/access extend prod-db 3h30m go on" in long or "210m go on" in long
        other = text_of(await scene.olga.command(f"/access extend {grant.id} 10m go on"))
        assert "Only the person whose access it is" in other
        assert (await scene.only()).expires_at == active.expires_at
        await scene.dana.command("/access revoke prod-db")
        await scene.reaches(grant, State.ENDED)
        assert await answered(scene, f"/access revoke {grant.id}")


async def answered(scene: Scene, line: str) -> str:
    """What Dana is told, in private; nothing new was asked for."""
    before = await scene.grants()
    said = (await scene.dana.command(line))["response"]
    assert said["ephemeral"]
    assert len(await scene.grants()) == len(before)
    return text_of(said)


async def test_text_of_people_is_text(play: Play) -> None:
    """Nothing in a reason pings anyone, makes a link or turns the writing round, wherever it is."""
    async with play() as scene:
        evil = "<!channel> *Approved* by <@U0MAYA> <https://evil.example|click> \u202egnp"
        grant = await scene.asked(f"/access prod-db 30m {evil}")
        assert "*Approved* by" in grant.reason
        assert "\u202e" in grant.reason
        await scene.dana.command("/access revoke")
        await scene.reaches(grant, State.CANCELLED)
        await scene.told("*Cancelled*")
        said = json.dumps(
            [scene.dana.everything(), scene.maya.everything(), scene.olga.sees(AUDIT)],
            ensure_ascii=False,
        )
        for word in ("<!channel>", "<@U0MAYA>", "<https://evil.example", "\u202e"):
            assert word not in said, word
        assert "*Approved* by" in said
