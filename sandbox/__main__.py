"""`python -m sandbox`: the workspace alone, for trying an app of one's own against it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import yaml

from sandbox.manifest import EXAMPLE, Manifest, ManifestError, parse_manifest, read_manifest
from sandbox.server import SandboxServer

WRONG_USAGE = 2


def main() -> int:
    """Run until interrupted. 2 for a manifest or port that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8777, help="default: 8777; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument("--manifest", type=Path, help="the app's manifest, YAML or JSON")
    parser.add_argument(
        "--request-url", help="deliver by signed HTTP to this URL instead of Socket Mode"
    )
    options = parser.parse_args()
    try:
        manifest = _manifest(options.manifest)
    except (OSError, ManifestError, yaml.YAMLError) as error:
        return _complain(f"the manifest cannot be used: {error}")
    server = SandboxServer(
        manifest=manifest,
        host=options.host,
        port=options.port,
        request_url=options.request_url,
    )
    try:
        asyncio.run(_serve(server))
    except OSError as error:
        return _complain(f"port {options.port} cannot be used ({error.strerror}); try --port 0")
    return 0


def _manifest(path: Path | None) -> Manifest:
    return read_manifest(path) if path else parse_manifest(EXAMPLE)


async def _serve(server: SandboxServer) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # no signals in this loop: Ctrl-C raises
            loop.add_signal_handler(number, stop.set)
    async with server:
        lines = (
            f"Sandbox workspace: {server.url}",
            "",
            f"SLACK_API_URL={server.api_url}",
            f"SLACK_BOT_TOKEN={server.bot_token}",
            f"SLACK_APP_TOKEN={server.app_token}",
            f"SLACK_SIGNING_SECRET={server.signing_secret}",
            "",
            "Ctrl-C ends it; nothing is kept.",
        )
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _complain(sentence: str) -> int:
    sys.stderr.write(f"sandbox: {sentence}\n")
    return WRONG_USAGE


if __name__ == "__main__":
    sys.exit(main())
