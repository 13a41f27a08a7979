"""`python -m carpscope` is `carpscope`."""

from carpscope.cli.main import entry

if __name__ == "__main__":
    entry()
