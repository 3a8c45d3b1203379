"""`python -m sentiment` is the `sentiment` command."""

from sentiment.cli.main import run_and_leave

if __name__ == "__main__":
    run_and_leave()
