"""Slack: what is shown there, and what comes from there."""
