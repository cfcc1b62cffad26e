"""A workspace and a database to protect, as the tests of the command line have them."""

from tests.cli.conftest import ground, office, sandbox, shop

__all__ = ["ground", "office", "sandbox", "shop"]
