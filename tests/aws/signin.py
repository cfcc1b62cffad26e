"""The federation endpoint: a token for a session, then a console that the session opens."""

import json
import secrets
from datetime import datetime
from typing import Any

from aiohttp import web

from tests.aws.callers import Callers
from tests.aws.wire import RefusalError

tokens: dict[str, str] = {}


async def signed_in(request: web.Request, callers: Callers, now: datetime) -> web.Response:
    """`getSigninToken` checks the whole session; `login` takes a token once, and an issuer."""
    query: Any = request.query
    if request.path != "/federation" or query.get("Action") not in {"getSigninToken", "login"}:
        return web.Response(status=400)
    if query["Action"] == "login":
        key = tokens.pop(query.get("SigninToken", ""), None)
        return web.json_response({"key": key}, status=200 if key else 403)
    try:
        session = json.loads(query["Session"])
        caller = callers.who(session["sessionId"], "sts", now)
    except (KeyError, ValueError, RefusalError):
        return web.Response(status=400)
    known = (caller.secret, caller.token) == (session["sessionKey"], session["sessionToken"])
    if set(session) != {"sessionId", "sessionKey", "sessionToken"} or not known:
        return web.Response(status=400)
    token = secrets.token_urlsafe(60)
    tokens[token] = session["sessionId"]
    return web.json_response({"SigninToken": token})
