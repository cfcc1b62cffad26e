"""Which proxy a URL goes through, by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`."""

import ipaddress
from typing import Final
from urllib import request
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

LIKE: Final = {"wss": "https", "ws": "http"}


def proxy_for(url: str) -> str | None:
    """The proxy's URL, None for a direct connection. This machine itself is never proxied."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or _is_loopback(host):
        return None
    proxies = getproxies_environment()
    place = host if parts.port is None else f"{host}:{parts.port}"
    if request.proxy_bypass_environment(place, proxies):  # type: ignore[attr-defined] # typeshed leaves it out
        return None
    scheme = LIKE.get(parts.scheme, parts.scheme)
    return proxies.get(scheme) or proxies.get("all")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
