"""The packaged examples: TOML files in `examples`, found by themselves."""

from importlib.resources import files

from carpscope.core.errors import CarpscopeError
from carpscope.sim.plan import Scenario
from carpscope.sim.scenario import parse

_PACKAGE = "carpscope.sim.examples"


def names() -> list[str]:
    """Return the names of the examples."""
    found = (item.name for item in files(_PACKAGE).iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def text(name: str) -> str:
    """Return an example as it is written; CarpscopeError where there is none."""
    if name not in names():
        raise CarpscopeError(f"no example {name!r}; known are {', '.join(names())}")
    return files(_PACKAGE).joinpath(f"{name}.toml").read_text(encoding="utf-8")


def example(name: str) -> Scenario:
    """Read an example."""
    return parse(text(name), f"{name}.toml")
