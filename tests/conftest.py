"""What every test shares: how hard Hypothesis looks, how the program is run, how to bless."""

import os
import shutil

import pytest
from hypothesis import settings

settings.register_profile(
    "repeatable",
    derandomize=True,  # a red run is red for everybody
    deadline=None,  # a busy machine is no bug
    max_examples=100,
    database=None,
)
settings.register_profile("thorough", deadline=None, max_examples=5000)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --bless, which `make bless` gives."""
    parser.addoption("--bless", action="store_true", help="rewrite what screens are expected to be")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what makes network namespaces run one after the other, where it can run at all."""
    can = os.geteuid() == 0 and all(shutil.which(tool) for tool in ("ip", "tc", "nft"))
    skip = pytest.mark.skipif(
        not can, reason="needs root and iproute2, nftables: it makes network namespaces"
    )
    for item in items:
        if item.get_closest_marker("namespaces"):
            item.add_marker(pytest.mark.xdist_group("namespaces"))
            item.add_marker(skip)


@pytest.fixture
def bless(request: pytest.FixtureRequest) -> bool:
    """Tell whether expectations are to be rewritten."""
    return bool(request.config.getoption("--bless"))


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of the shell that runs the tests change what the program prints."""
    for name in list(os.environ):
        if name in {"COLUMNS", "NO_COLOR", "FORCE_COLOR", "CARPSCOPE_PASSPHRASE", "TTY_COMPATIBLE"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")  # reports say when they were made
