"""The composition root: the only room that knows everything.

structlog is loaded here first, and without rich, which it takes along for a kind of traceback that
our log never shows: 3 MB that a bot at rest would hold for months.
"""

import sys

if "structlog" not in sys.modules and "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment] # how an import is made to find nothing
    import structlog  # noqa: F401 - loaded for those who come after

    del sys.modules["rich"]
