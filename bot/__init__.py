"""Curfew: temporary production access, asked for and approved in Slack, gone on time."""

__version__ = "0.1.0"
