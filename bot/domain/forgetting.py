"""What is left of a grant when the words of people, and who they are, were erased.

The same that replaying its events gives once their texts are gone: log and row stay alike.
"""

from dataclasses import replace

from bot.domain.grant import Grant, Recipient, altered
from bot.domain.replay import ERASED


def forgotten(grant: Grant) -> Grant:
    """The grant without what people wrote: user ids, times and what was given stay.

    One version more where anything changed; the same grant where nothing was left to forget.
    """
    order, extension = grant.order, grant.extension
    bare = altered(
        grant,
        reason=ERASED,
        order=replace(order, person=Recipient(order.person.user)),
        extension=replace(extension, reason=ERASED) if extension is not None else None,
        last_error=None,
    )
    return grant if bare == grant else altered(bare, version=grant.version + 1)
