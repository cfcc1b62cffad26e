"""What holds where the policy is silent."""

from datetime import timedelta
from typing import Final

DURATION: Final = timedelta(minutes=30)
MAX_DURATION: Final = timedelta(hours=4)
DECIDE_WITHIN: Final = timedelta(hours=1)
REMIND_AFTER: Final = timedelta(minutes=10)
WARN_BEFORE: Final = timedelta(minutes=5)
APPROVALS: Final = 1
REASON_LENGTH: Final = 5
