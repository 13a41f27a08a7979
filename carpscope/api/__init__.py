"""The Python interface: `import carpscope` gives these functions, loaded when first used.

What they return are frozen values (`carpscope.api.values`). A wrong argument, a missing file or
one that cannot be read is one clear CarpscopeError.
"""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import cast

from carpscope.api import values
from carpscope.api.convert import analysis_of, packet_of
from carpscope.capture.source import open_capture
from carpscope.checking.run import CheckResult, Wishes
from carpscope.checking.run import check as check_settings
from carpscope.config import Config, bounded
from carpscope.core.address import parse_ip
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.pipeline import analyze as analyze_captures
from carpscope.pipeline import survey
from carpscope.sim import scenario as scenarios
from carpscope.sim.document import document as simulation_document
from carpscope.sim.world import World
from carpscope.wire.decode import decode

LINK_TYPE_MAX = 0xFFFF
Pathname = str | PathLike[str]


def read(path: Pathname) -> Iterator[values.Packet]:
    """Give the packets of a capture one after the other, in any format that `analyze` reads."""
    with open_capture(_path(path)) as capture:
        for frame in capture:
            yield packet_of(decode(frame))


def dissect(data: bytes, link_type: int = 1, *, time_ns: int = 0) -> values.Packet:
    """Give what the bytes of one packet say; `link_type` is a LINKTYPE_ number, 1 Ethernet."""
    _need(data, bytes, "dissect: data")
    _need(link_type, int, "dissect: link_type")
    if not 0 <= link_type <= LINK_TYPE_MAX:
        raise CarpscopeError(f"dissect: link_type: {link_type} is none")
    frame = Frame(0, time_ns, link_type, data, len(data))
    return packet_of(decode(frame))


def analyze(
    paths: Pathname | Sequence[Pathname],
    passphrases: Sequence[str | bytes] = (),
    addresses: Sequence[object] = (),
    *,
    config: Pathname | None = None,
) -> values.Analysis:
    """Say what captures show; several are put on one clock and merged by time.

    `passphrases` and `addresses` are candidates, tried on every node; `config` is the path of a
    carpscope.toml.
    """
    names = [_path(path) for path in _several(paths, "analyze: paths")]
    wanted = _config(passphrases, addresses, config)
    vantage = None
    if len(names) > 1:
        captures = [open_capture(name, index) for index, name in enumerate(names)]
        vantage = survey(captures, accepts=None, path_max=None)
    captures = [open_capture(name, index) for index, name in enumerate(names)]
    try:
        found = analyze_captures(captures, wanted, vantage=vantage)
    finally:
        for capture in captures:
            capture.close()
    return analysis_of(found, wanted)


def simulate(scenario: Mapping[str, object] | Pathname) -> values.Simulation:
    """Run a scenario: a dict in the form of docs/simulator.md, or the path of a TOML or JSON."""
    if isinstance(scenario, Mapping):
        import json  # noqa: PLC0415 - most scenarios are files

        try:
            text = json.dumps(dict(scenario))
        except (TypeError, ValueError) as problem:
            raise CarpscopeError(f"simulate: {problem}") from None
        plan = scenarios.parse(text, "scenario")
    else:
        plan = scenarios.load(Path(_path(scenario)))
    world = World(plan)
    world.run()
    return values.Simulation(_final(world), simulation_document(world))


def check(
    paths: Sequence[str],
    *,
    segments: dict[str, list[tuple[str, str]]] | None = None,
    systems: dict[str, str] | None = None,
    events: int = 3,
    strict: bool = False,
    capture: str | None = None,
) -> CheckResult:
    """Check configurations before they go live: `carpscope.check(["fw1/", "fw2/"])`.

    The options are those of the command: `segments={"lan": [("fw1", "em0"), ("fw2", "em0")]}`.
    """
    names = [_path(path) for path in _several(paths, "check: paths")]
    return check_settings(names, Wishes(segments or {}, systems or {}, events, strict, capture))


def _path(path: object) -> str:
    name = fspath(path) if isinstance(path, str | PathLike) else None
    if not isinstance(name, str):
        raise CarpscopeError(f"{path!r} is no path")
    return name


def _several(given: object, what: str) -> list[object]:
    if isinstance(given, str | PathLike):
        return [given]
    if not isinstance(given, Sequence) or isinstance(given, bytes) or not given:
        raise CarpscopeError(f"{what}: a list of paths is needed, not {given!r}")
    return list(given)


def _need(value: object, kind: type, what: str) -> None:
    """Refuse a value of another type; what it holds may be a passphrase."""
    if not isinstance(value, kind):
        raise CarpscopeError(f"{what}: {kind.__name__} is needed, not {type(value).__name__}")


def _listed(given: object, what: str) -> list[object]:
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise CarpscopeError(f"{what}: a list is needed, not {type(given).__name__}")
    return list(given)


def _config(
    passphrases: Sequence[str | bytes], addresses: Sequence[object], path: Pathname | None
) -> Config:
    base = Config()
    if path is not None:
        from carpscope.settings.carpscope_toml import read_config  # noqa: PLC0415 - most need none

        base = read_config(_path(path), _unheard)
    words = [*base.passphrases]
    for word in _listed(passphrases, "analyze: passphrases"):
        if isinstance(word, str):
            words.append(word.encode())
        else:
            _need(word, bytes, "analyze: passphrases")
            words.append(cast("bytes", word))
    addresses = _listed(addresses, "analyze: addresses")
    listed = [*base.addresses, *(parse_ip(str(a), where="addresses") for a in addresses)]
    words = bounded(words, "passphrases")
    return base._replace(passphrases=tuple(words), addresses=tuple(dict.fromkeys(listed)))


def _unheard(told: str) -> None:
    """Leave out what a command would say of a file that others may read."""
    del told


def _final(world: World) -> dict[str, dict[int, str]]:
    nodes = world.nodes()
    return {
        plan.name: {
            item.vhid: "DOWN" if node is None else node.state(item.vhid).value
            for item in plan.vhids
        }
        for plan in world.scenario.nodes
        for node in (nodes[plan.name],)
    }
