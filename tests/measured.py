"""What a process that a test starts must be given, to be counted by `make coverage` as well."""

import os

MEASURED = {name: value for name, value in os.environ.items() if name == "COVERAGE_PROCESS_CONFIG"}
"""Empty when nothing is counted. A process that is killed takes its count with it."""
