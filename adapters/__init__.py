"""Adapters make access true or false in one kind of provider each.

They know nothing of the bot: an adapter can be written, tested and shipped alone. Start at
`adapters.base` for the contract and `adapters.conformance` for the suite that proves it.
"""
