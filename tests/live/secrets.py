"""What a shipped capture's about.toml says its nodes sign with."""

import tomllib

from carpscope.config import Config
from carpscope.core.address import parse_ip
from tests.program import CAPTURES


def candidates(name: str) -> Config:
    """Give passphrases and addresses of a capture, as a user would supply them."""
    about = tomllib.loads((CAPTURES / name / "about.toml").read_text())
    return Config(
        tuple(text.encode() for text in about.get("passphrases", [])),
        tuple(parse_ip(text, where=name) for text in about.get("addresses", [])),
    )
