"""Which proxy a URL goes through."""

import os

import pytest

from bot.config.proxy import proxy_for


@pytest.fixture(autouse=True)
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy for each scheme, and two exceptions."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:1")
    monkeypatch.setenv("HTTP_PROXY", "http://plain:1")
    monkeypatch.setenv("NO_PROXY", "internal.example,other.example:8443")


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://slack.com/api/", "http://secure:1"),
        ("wss://wss-primary.slack.com/link", "http://secure:1"),
        ("http://slack.test/api/", "http://plain:1"),
        ("ws://slack.test/", "http://plain:1"),
        ("https://internal.example/", None),
        ("https://deep.internal.example/", None),
        ("https://notinternal.example/", "http://secure:1"),
        ("https://other.example:8443/", None),
        ("https://other.example/", "http://secure:1"),
        ("http://127.0.0.1:9/api/", None),
        ("http://[::1]:9/api/", None),
        ("ws://localhost:9/", None),
        ("ftp://files.example/", None),
        ("", None),
    ],
)
def test_proxies(url: str, proxy: str | None) -> None:
    """The scheme chooses the proxy, `NO_PROXY` and this machine itself are direct."""
    assert proxy_for(url) == proxy


def test_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ALL_PROXY` serves what has none of its own; `NO_PROXY=*` serves nothing."""
    monkeypatch.setenv("ALL_PROXY", "socks5://all:1")
    assert proxy_for("ftp://files.example/") == "socks5://all:1"

    monkeypatch.setenv("NO_PROXY", "*")
    assert proxy_for("https://slack.com/") is None
