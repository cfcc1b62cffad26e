"""The demo: a workspace, a database to protect, and the bot as in production between them."""
