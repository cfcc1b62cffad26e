"""The command line: one file for each group of commands.

Rules kept here: what a command needs is imported when it runs, so that `--help` is quick; errors
are one sentence and a hint on standard error, never a traceback; exit codes are 0 done, 1 the
answer is no, 2 wrong usage or configuration.
"""

import sys

from bot.cli.edge import guarded


def main() -> None:
    """The program `curfew`."""
    sys.exit(guarded(sys.argv[1:]))
