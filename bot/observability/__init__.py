"""What operators see of the bot: its log and its figures."""
