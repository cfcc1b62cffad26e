"""What things are called in the account of the stand-in."""

REGION = "eu-central-1"
ACCOUNT = "123456789012"
BOT = "curfew-bot"
STORE = "d-0123456789"

PEOPLE = ("dana", "eli")
SECRETS = {"orders": "app_readonly", "stock": "app_owner"}
GROUPS = {"readers": "orders", "writers": "stock"}
SESSION_OF_ONESELF = {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}
BOT_ARN = f"arn:aws:iam::{ACCOUNT}:user/{BOT}"
OUTSIDE = "an-external-id"


def secret_arn(name: str) -> str:
    """As policies name a secret, whatever its six last letters are."""
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-??????"
