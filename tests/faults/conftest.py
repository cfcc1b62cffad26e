"""Scenes as the stories have them."""

from tests.stories.conftest import _no_proxy, play, shop

__all__ = ["_no_proxy", "play", "shop"]
