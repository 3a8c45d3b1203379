"""`python -m sentiment` is the `sentiment` command."""

from sentiment.cli.main import run

if __name__ == "__main__":
    run()
