"""The edge of the command line: what was wrong becomes a sentence, a hint and an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import Final

DONE: Final = 0
NO: Final = 1
WRONG: Final = 2
INTERRUPTED: Final = 130

LINE_LIMIT: Final = 200

VERBOSE: Final = "CURFEW_TRACEBACK"
"""Set to anything to see where an error of our own came from."""


class AnswerIsNoError(Exception):
    """The command did its work and the answer is no: exit code 1. The message is a sentence."""

    def __init__(self, message: str = "", *, hints: tuple[str, ...] = ()) -> None:
        """Without a message everything was said already."""
        super().__init__(message)
        self.message = message
        self.hints = hints


class WrongUsageError(Exception):
    """What was typed cannot be done: exit code 2. The message is a sentence."""

    def __init__(self, message: str, *, hints: tuple[str, ...] = ()) -> None:
        """`hints` are the ways out."""
        super().__init__(message)
        self.message = message
        self.hints = hints


def guarded(words: Sequence[str]) -> int:
    """Run a command line; the exit code."""
    try:
        return _run(words)
    except KeyboardInterrupt:
        complain("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has enough; the interpreter must not complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if os.environ.get(VERBOSE):
            raise
        code, message, hints = _told(error)
        if message:
            complain(message, *hints)
        return code


def _run(words: Sequence[str]) -> int:
    if list(words) == ["run"]:
        # The bot runs for months: it does without the 7 MB that reading a command line takes.
        from bot.cli.run import run

        run()
        return DONE
    from bot.cli.program import program

    code = program()(list(words), prog_name="curfew", standalone_mode=False)
    return code if isinstance(code, int) else DONE


def complain(message: str, *hints: str) -> None:
    """One sentence and the ways out, on standard error."""
    lines = [f"curfew: {message}", *(f"  hint: {hint}" for hint in hints if hint)]
    sys.stderr.write("\n".join(lines) + "\n")


def _told(error: Exception) -> tuple[int, str, tuple[str, ...]]:
    """Exit code, sentence and hints for an error; families are looked up where they are loaded."""
    if isinstance(error, AnswerIsNoError):
        return NO, error.message, error.hints
    if isinstance(error, WrongUsageError):
        return WRONG, error.message, error.hints
    if callable(show := getattr(error, "format_message", None)):
        return _told_of_usage(error, str(show()))
    families = _families(error)
    message = getattr(error, "message", None)
    if isinstance(message, str) and families:
        hint = getattr(error, "hint", "")
        hints = getattr(error, "hints", (hint,) if hint else ())
        return (NO if "RefusalError" in families else WRONG), message, tuple(hints)
    if isinstance(error, OSError) and error.filename is not None:
        return WRONG, f"{error.filename}: {error.strerror}.", ()
    said = (str(error).splitlines() or [""])[0][:LINE_LIMIT]
    sentence = f"Something went wrong on our side: {type(error).__name__}: {said}".rstrip(":. ")
    return NO, f"{sentence}.", (f"{VERBOSE}=1 shows where; please report it.",)


def _told_of_usage(error: Exception, said: str) -> tuple[int, str, tuple[str, ...]]:
    """What Typer makes of a wrong line. Its own classes are private, so known by their ways."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{said}\n")
        return WRONG, "", ()
    where = getattr(context, "command_path", "curfew")
    return (
        WRONG,
        _sentence(said.replace(": Value error, ", ": ")),
        (f"`{where} --help` shows how it is used.",),
    )


def _families(error: Exception) -> set[str]:
    """Ours among the classes of an error, by name: importing them would make `--help` slow."""
    ours = {
        "ConfigurationError",
        "StorageError",
        "RefusalError",
        "PortError",
        "UnusableAdapterError",
        "EmbeddedPostgresError",
        "WordsError",
    }
    return {kind.__name__ for kind in type(error).__mro__} & ours


def _sentence(text: str) -> str:
    text = text.strip().replace("\n", " ")
    return text if text.endswith((".", "?", "!")) else f"{text}."
