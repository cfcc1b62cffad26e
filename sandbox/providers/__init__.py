"""Stand-ins for providers of which no server can be had: each in one process, in memory.

`python -m sandbox.providers.okta` (or `kubernetes`, `vault`) starts one alone. They are written
from the providers' public documentation and are strict: a path, verb, body or token that the real
thing would refuse is refused here. What they do not know, they refuse too.
"""
