"""Blocking libraries behind the loop: turns for each mark, and threads that end."""

import asyncio
import threading

import pytest

from adapters._threads import Threads


async def _turns_of_the_loop() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_answers_and_errors_come_back() -> None:
    """A call's result is returned and its error raised, from a thread that is not the loop's."""
    threads = Threads("p", 2)

    def fail() -> None:
        raise LookupError("no such thing")

    assert await threads.run(threading.get_ident) != threading.get_ident()
    with pytest.raises(LookupError, match="no such thing"):
        await threads.run(fail, mark="m")
    await threads.aclose()


async def test_a_cancelled_call_is_waited_for_by_the_next_of_its_mark() -> None:
    """The next call of the mark sees what the abandoned one left; another mark does not wait."""
    threads, release, said = Threads("p", 3), threading.Event(), list[str]()

    def slow() -> None:
        release.wait()
        said.append("slow")

    first = asyncio.create_task(threads.run(slow, mark="a"))
    await _turns_of_the_loop()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(threads.run(lambda: said.append("second"), mark="a"))
    await threads.run(lambda: said.append("other"), mark="b")
    assert said == ["other"]
    release.set()
    await second
    assert said == ["other", "slow", "second"]
    await threads.aclose()


async def test_cancelled_in_the_queue_it_never_begins() -> None:
    """Who gives up before the turn has come leaves nothing behind."""
    threads, release, said = Threads("p", 3), threading.Event(), list[str]()
    first = asyncio.create_task(threads.run(release.wait, mark="a"))
    await _turns_of_the_loop()
    second = asyncio.create_task(threads.run(lambda: said.append("second"), mark="a"))
    await _turns_of_the_loop()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    release.set()
    assert await first
    await threads.run(lambda: said.append("third"), mark="a")
    assert said == ["third"]
    await threads.aclose()


async def test_closing_waits_and_leaves_no_thread() -> None:
    """After closing nothing runs any more; closing again is no error."""
    threads, release, said = Threads("p", 2), threading.Event(), list[str]()
    before = threading.active_count()

    def slow() -> None:
        release.wait()
        said.append("done")

    task = asyncio.create_task(threads.run(slow))
    await _turns_of_the_loop()
    task.cancel()
    closing = asyncio.create_task(threads.aclose())
    await _turns_of_the_loop()
    assert not closing.done()
    release.set()
    await closing
    await threads.aclose()
    assert said == ["done"]
    assert sum(t.name.startswith("p_") for t in threading.enumerate()) == 0
    assert threading.active_count() <= before + 1  # the loop's own, which shut the pool down
