"""HashiCorp Vault or OpenBao in memory: tokens, token roles, leases, identity, KV 2, a database.

Written from the public documentation and OpenBao's sources. Strict: policies for every call, `sudo`
where it is asked for, known fields only, ends of tokens and leases by its own clock. What hangs on
a revoked token ends at once, where the real ones take a moment.

    python -m sandbox.providers.vault
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.providers._house import Answer, House, random_id, serve
from sandbox.providers._vault_engines import Database, KeyValue
from sandbox.providers._vault_forms import (
    SUDO,
    Json,
    Policy,
    capabilities,
    done,
    failure,
    known,
)
from sandbox.providers._vault_identity import Identity
from sandbox.providers._vault_tokens import Lease, Token, Tokens

if TYPE_CHECKING:
    from aiohttp import web

HOUR = timedelta(hours=1)
DEFAULT = 'path "sys/capabilities-self" { capabilities = ["update"] }'
_VERBS = {"GET": "read", "POST": "update", "PUT": "update", "DELETE": "delete"}
_LOGIN_TTL = timedelta(minutes=20)


class VaultStandIn(House):
    """One server. `tokens`, `identity`, `secrets` and `database` are its memory."""

    def __init__(self, *, port: int = 0) -> None:
        """With the policy `default`, a KV store at `secret/` and a database at `database/`."""
        super().__init__(port=port)
        self.policies = {"default": Policy(DEFAULT)}
        self.tokens = Tokens(self.now)
        self.identity = Identity()
        self.secrets = KeyValue(self.now)
        self.database = Database()
        self.approles: dict[str, tuple[str, set[str]]] = {}
        self.entities: dict[str, str] = {}
        self.creds_last = HOUR

    def policy(self, name: str, text: str) -> None:
        """A policy from HCL."""
        self.policies[name] = Policy(text)

    def login(self, policies: set[str], lasts: timedelta | None = None) -> str:
        """A token made by whoever set the server up."""
        path = "auth/token/create"
        return self.tokens.new(policies | {"default"}, path, lasts).id

    def sign_in(self, entity: str) -> str:
        """A person's own token, good for an hour: what it opens follows their groups."""
        made = self.tokens.new({"default"}, "auth/oidc/login", HOUR)
        self.entities[made.id] = str(self.identity.entities[entity]["id"])
        return made.id

    def approle(self, policies: set[str]) -> tuple[str, str]:
        """A role id and a secret id."""
        role, secret = random_id(24), random_id(24)
        self.approles[role] = (secret, policies)
        return role, secret

    # --- answering ----------------------------------------------------------------------------

    async def answer(self, request: web.Request, body: Any) -> object:  # noqa: ANN401 - JSON
        """One call of the API."""
        if not request.path.startswith("/v1/"):
            raise failure(404)
        path = request.path.removeprefix("/v1/")
        verb = "patch" if request.method == "PATCH" else _VERBS.get(request.method)
        if verb == "read" and request.query.get("list") == "true":
            verb = "list"  # the verb LIST itself is none that this HTTP server reads
        if verb is None:
            raise failure(405, "unsupported operation")
        if verb == "patch" and request.content_type != "application/merge-patch+json":
            raise failure(415, "PATCH requests must be a merge patch")
        if path == "auth/approle/login" and verb == "update":
            return self._approle(body)
        token = self.tokens.find(request.headers.get("X-Vault-Token", ""))
        if token is None:
            raise failure(403, "permission denied")
        self._allowed(token, verb, path)
        return self._done(token, verb, path, body)

    def _allowed(self, token: Token, verb: str, path: str) -> None:
        granted = self._capabilities(token, path)
        accepted = {"update", "create"} if verb == "update" else {verb}
        sudo = path.startswith(SUDO) and "sudo" not in granted
        if not accepted & granted or sudo:
            raise failure(403, f"1 error occurred:\n\t* permission denied on {path}\n\n")

    def _capabilities(self, token: Token, path: str) -> set[str]:
        if "root" in token.policies:
            return {"create", "read", "update", "patch", "delete", "list", "sudo"}
        names = token.policies | self.identity.policies(self.entities.get(token.id, ""))
        found = [self.policies[name] for name in names if name in self.policies]
        return capabilities(found, path)

    def _done(self, token: Token, verb: str, path: str, body: Any) -> object:  # noqa: ANN401 - JSON
        head, _, rest = path.partition("/")
        rooms = {
            "sys": self._sys,
            "auth": self._auth,
            "identity": self._identity,
            "secret": self._secret,
            "database": self._database,
        }
        if head not in rooms:
            raise failure(404, f"no handler for route {path!r}")
        found = rooms[head](token, verb, rest, body)
        if found is None:
            raise Answer(204)
        return found

    def _sys(self, token: Token, verb: str, rest: str, body: Any) -> Json | None:  # noqa: ANN401 - JSON
        if (verb, rest) == ("update", "capabilities-self"):
            paths = known(body, {"paths"})["paths"]
            shown: Json = {path: sorted(self._capabilities(token, path)) for path in paths}
            return {**done(data=shown), **shown}
        if (verb, rest) == ("update", "leases/revoke"):
            self.tokens.end(str(known(body, {"lease_id", "sync"})["lease_id"]))
            return None
        for prefix, wanted in (("leases/lookup/", "list"), ("leases/revoke-prefix/", "update")):
            if rest.startswith(prefix) and verb == wanted:
                below = rest.removeprefix(prefix)
                if verb == "list":
                    return self.tokens.listed(below)
                known(body or {}, {"sync"})
                for lease in self.tokens.below(below):
                    self.tokens.end(lease)
                return None
        raise failure(405, "unsupported operation")

    def _auth(self, token: Token, verb: str, rest: str, body: Any) -> Json | None:  # noqa: ANN401 - JSON
        tokens, name = self.tokens, rest.rpartition("/")[2]
        if (verb, rest) == ("list", "token/roles"):
            return _keys(tokens.roles)
        if (verb, rest) == ("update", f"token/create/{name}"):
            return tokens.create(name, body, token)
        if rest != f"token/roles/{name}":
            raise failure(405, "unsupported operation")
        if verb == "update":
            tokens.put_role(name, body)
        elif verb == "delete":
            tokens.roles.pop(name, None)
        elif name not in tokens.roles:
            raise failure(404)
        else:
            return done(data=tokens.roles[name])
        return None

    def _identity(self, token: Token, verb: str, rest: str, body: Any) -> Json | None:  # noqa: ANN401 - JSON
        del token
        identity = self.identity
        if (verb, rest) == ("update", "lookup/entity"):
            return identity.lookup(body)
        if (verb, rest) == ("list", "entity/name"):
            return _keys(identity.entities)
        kind, _, name = rest.partition("/name/")
        known_ones = {"entity": identity.entities, "group": identity.groups}.get(kind)
        if known_ones is None or not name or "/" in name:
            raise failure(405, "unsupported operation")
        if verb == "update":
            (identity.put_entity if kind == "entity" else identity.put_group)(name, body)
            return None
        if verb == "delete":
            known_ones.pop(name, None)
            return None
        if name not in known_ones:
            raise failure(404)
        return done(data=known_ones[name])

    def _secret(self, token: Token, verb: str, rest: str, body: Any) -> Json | None:  # noqa: ANN401 - JSON
        del token
        kind, _, path = rest.partition("/")
        if (verb, kind) == ("read", "data"):
            return self.secrets.data(path)
        if (verb, kind) == ("update", "data"):
            version = self.secrets.put(path, known(body, {"data", "options"})["data"])
            return done(data={"version": version})
        if (verb, kind) == ("read", "metadata"):
            return self.secrets.metadata(path)
        if (verb, kind) == ("patch", "metadata"):
            self.secrets.patch(path, body)
            return None
        raise failure(405, "unsupported operation")

    def _database(self, token: Token, verb: str, rest: str, body: Any) -> Json:  # noqa: ANN401 - JSON
        del body
        kind, _, role = rest.partition("/")
        if (verb, kind) != ("read", "creds") or role not in {"reader", "writer"}:
            raise failure(404)
        name, password = self.database.login(role)
        lease = f"database/creds/{role}/{random_id(24)}"
        undo = partial(self.database.drop, name)
        self.tokens.leases[lease] = Lease(token.id, self.now() + self.creds_last, undo)
        data = {"username": name, "password": password}
        seconds = int(self.creds_last.total_seconds())
        return done(data=data, lease_id=lease, renewable=True, lease_duration=seconds)

    def _approle(self, body: Any) -> Json:  # noqa: ANN401 - JSON
        wanted = known(body, {"role_id", "secret_id"})
        secret, policies = self.approles.get(str(wanted.get("role_id")), ("", set()))
        if not secret or wanted.get("secret_id") != secret:
            raise failure(400, "invalid role or secret ID")
        path = "auth/approle/login"
        return self.tokens.shown(self.tokens.new(policies | {"default"}, path, _LOGIN_TTL))

    def crowded(self) -> Answer:
        message = "request path: rate limit quota exceeded"
        return failure(429, message, {"Retry-After": "2"})

    def malformed(self) -> Answer:
        return failure(400, "error parsing JSON")


def _keys(found: Json) -> Json:
    if not found:
        raise failure(404)
    return done(data={"keys": sorted(found)})


async def main() -> None:
    """One server with a root token, a secret and a person."""
    house = VaultStandIn(port=int(sys.argv[1]) if sys.argv[1:] else 8792)
    root = house.login({"root"})
    house.secrets.put("orders/config", {"colour": "blue"})
    house.identity.person("dana", "dana@example.com")
    await serve(
        house,
        lambda: [
            f"Vault: {house.url}",
            f"root token: {root}",
            "secret/data/orders/config, database/creds/reader and writer",
            "entity dana, with the alias dana@example.com of auth_oidc_1",
        ],
    )


if __name__ == "__main__":
    asyncio.run(main())
