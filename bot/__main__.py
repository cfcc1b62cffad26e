"""`python -m bot` is `curfew`."""

from bot.cli import main

if __name__ == "__main__":
    main()
