"""The HTTP server: Slack's requests, health, figures."""
