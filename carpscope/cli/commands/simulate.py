"""`carpscope simulate`: run an election in a made world and tell what happens."""

import argparse
import sys

from carpscope.cli import options as shared
from carpscope.cli.command import Command
from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from pathlib import Path

    from carpscope.sim.plan import Scenario
    from carpscope.sim.world import World

SPEED_MAX = 1e6
_BAR_WIDTH = 60


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= SPEED_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenario",
        nargs="?",
        metavar="SCENARIO",
        help="a scenario as TOML or JSON, or a whole trace; - is standard input",
    )
    parser.add_argument(
        "--example",
        nargs="?",
        const="",
        metavar="NAME",
        help="run a packaged example; without a name, list them",
    )
    parser.add_argument(
        "--from",
        dest="capture",
        metavar="CAPTURE",
        help="the scenario a capture shows; alone it is printed, to be edited or asked about",
    )
    parser.add_argument("--group", metavar="ID", help="which group of a capture with several LANs")
    questions = parser.add_argument_group("what happens if", "all may be repeated")
    for flag, metavar, text in (
        ("--crash", "NODE@T[-T]", "a node disappears (and comes back)"),
        ("--set", "NODE.KEY=VALUE", "another advskew, advbase, preempt, impl or hz"),
        ("--partition", "A,B|C@T[-T]", "the LAN splits (and heals)"),
    ):
        questions.add_argument(flag, action="append", default=[], metavar=metavar, help=text)
    parser.add_argument(
        "--show", action="store_true", help="print the scenario itself instead of running it"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="another course of chance")
    parser.add_argument(
        "--speed",
        type=_speed,
        metavar="X",
        help="watch it happen, X times as fast as real time",
    )
    parser.add_argument("--json", action="store_true", help="print one simulation document")
    parser.add_argument(
        "-w",
        dest="write",
        metavar="FILE",
        help="write the frames a span port would see as pcap; beside it FILE-NAME for each vantage",
    )
    shared.add_count(parser, "of --from, look at N packets only")
    shared.add_secrets(parser)


def _run(options: argparse.Namespace) -> int:
    # heavy imports only now: --help must not pay for the machines
    from carpscope.core.files import is_same
    from carpscope.sim import library
    from carpscope.sim.world import World

    if options.example == "":
        _list_examples()
        return 0
    if options.capture is None:
        _refuse_what_belongs_to_a_capture(options)
    if options.show and options.example:
        sys.stdout.write(library.text(options.example))
        return 0
    if options.capture and _only_wants_to_see(options):
        sys.stdout.write(_observed(options))
        return 0
    if options.capture and options.write and is_same(options.capture, options.write):
        raise CarpscopeError(f"-w {options.write}: is the capture itself; name another file")
    world = World(_asked(_scenario(options), options), options.seed)
    if options.show:
        _print_json(_shown(world))
        return 0
    world.run()
    if options.write:
        _write(world, options.write)
    if options.json:
        from carpscope.sim.document import document

        _print_json(document(world))
    else:
        _tell(world, options.speed)
    return 0


def _refuse_what_belongs_to_a_capture(options: argparse.Namespace) -> None:
    """Say so where nothing would be done with what was given."""
    given = {
        "--group": options.group,
        "-c": options.count,
        "-p": options.passphrase,
        "--passphrase-file": options.passphrase_file,
        "--ask-passphrase": options.ask_passphrase,
        "--node": options.node,
        "-a": options.address,
        "--config": options.config,
    }
    for option, value in given.items():
        if value:
            raise CarpscopeError(f"{option} belongs to --from CAPTURE: a scenario says all of it")


def _scenario(options: argparse.Namespace) -> "Scenario":
    from carpscope.sim import library, scenario

    given = [options.scenario, options.example, options.capture]
    if sum(item is not None for item in given) != 1:
        raise CarpscopeError(
            "name one scenario file, --example NAME (--example lists them) or --from CAPTURE"
        )
    if options.example:
        return library.example(options.example)
    if options.capture:
        return scenario.parse(_observed(options), f"what {options.capture} shows")
    if options.scenario == "-":
        return scenario.parse(sys.stdin.read(), "standard input")
    from pathlib import Path

    path = Path(options.scenario)
    if _is_capture(path):
        raise CarpscopeError(f"{path}: is a capture: carpscope simulate --from {path}")
    return scenario.load(path)


def _is_capture(path: "Path") -> bool:
    from carpscope.capture.blocks import is_pcapng
    from carpscope.capture.pcap import HEADER_SIZE, is_pcap

    try:
        with path.open("rb") as stream:
            head = stream.read(HEADER_SIZE)
    except OSError:
        return False  # who loads it says why
    return is_pcap(head) or is_pcapng(head)


def _only_wants_to_see(options: argparse.Namespace) -> bool:
    wants = (options.crash, options.set, options.partition, options.json, options.write)
    return options.show or not (any(wants) or options.speed)


def _observed(options: argparse.Namespace) -> str:
    from carpscope.capture.source import open_capture
    from carpscope.pipeline import analyze
    from carpscope.report.document import document
    from carpscope.sim.observed import scenario_toml

    config = shared.config(options)
    capture = open_capture(options.capture, 0)
    analysis = document(analyze([capture], config, count=options.count), config)
    return scenario_toml(analysis, options.group, options.capture)


def _asked(scenario: "Scenario", options: argparse.Namespace) -> "Scenario":
    from carpscope.sim import whatif

    for text in options.set:
        scenario = whatif.configure(scenario, text)
    for text in options.crash:
        scenario = whatif.crash(scenario, text)
    for text in options.partition:
        scenario = whatif.partition(scenario, text)
    return scenario


def _shown(world: "World") -> dict[str, object]:
    from carpscope.sim.document import scenario_json

    return dict(scenario_json(world.scenario, world.seed))


def _print_json(value: object) -> None:
    from carpscope.report.forensic.text import json_text

    sys.stdout.write(json_text(value, indent=None) + "\n")


def _list_examples() -> None:
    from carpscope.sim import library

    width = max(map(len, library.names()))
    for name in library.names():
        print(f"  {name:{width}}  {library.example(name).description}")


def _write(world: "World", path: str) -> None:
    import os
    from pathlib import Path

    from carpscope.capture.writer import PcapWriter
    from carpscope.core.files import open_to_write
    from carpscope.sim.frames import frames
    from carpscope.sim.vantages import captured

    files = {path: frames(world)}
    for plan in world.scenario.vantages:
        target = Path(path)
        beside = target.with_name(f"{target.stem}-{plan.name}{target.suffix}")
        files[str(beside)] = captured(world, plan)
    for file, found in files.items():
        try:
            with os.fdopen(open_to_write(file), "wb") as stream:
                writer = PcapWriter(stream)
                for frame in found:
                    writer.write(frame)
        except OSError as problem:
            raise CarpscopeError(f"-w {file}: {problem.strerror}") from None


def _tell(world: "World", speed: float | None) -> None:
    from carpscope.core.units import SECOND
    from carpscope.sim import story

    scenario = world.scenario
    title = f"{scenario.name}: {scenario.description}" if scenario.description else scenario.name
    print(shown(title))
    length = scenario.duration / SECOND
    print(f"{length:g} s, seed {world.seed}, {len(world.record.sent)} advertisements\n")
    lines = story.timeline(world)
    names = [plan.name for plan in scenario.nodes]
    width = max(map(len, [*names, "LAN"]))
    now = 0
    for line in lines:
        if speed:
            _wait((line.at - now) / SECOND / speed)
            now = max(now, line.at)
        print(line.text(width), flush=bool(speed))
    print()
    several = len({item.vhid for plan in scenario.nodes for item in plan.vhids}) > 1
    encoding = (sys.stdout.encoding or "").lower()
    ascii_only = not sys.stdout.isatty() or "utf" not in encoding
    for name, vhid, bar in story.bars(world, _BAR_WIDTH, ascii_only=ascii_only):
        print(f"  {name:{width}} {f'vhid {vhid:<3} ' if several else ''}{bar}")
    print(f"  {'':{width}} {'         ' if several else ''}0{f'{length:g} s':>{_BAR_WIDTH - 1}}")
    print()
    for text in story.summary(world):
        print(text)


def _wait(seconds: float) -> None:
    import time

    if seconds > 0:
        time.sleep(seconds)


COMMAND = Command(
    name="simulate",
    summary="run an election: who becomes MASTER when, and for how long nobody is",
    description=(
        "Runs every node's own state machine on a simulated LAN and tells what happens.\n"
        "The same scenario and seed always give the same bytes. docs/simulator.md tells\n"
        "how to write a scenario; ten lines are enough."
    ),
    examples=(
        "  carpscope simulate --example                      list what comes with it\n"
        "  carpscope simulate --example failover\n"
        "  carpscope simulate office.toml -w office.pcap     frames for tcpdump and analyze\n"
        "  carpscope simulate office.toml --speed 5          watch it happen\n"
        "  carpscope simulate trace.json --json              the simulation document\n"
        "  carpscope simulate --from office.pcap > office.toml\n"
        "  carpscope simulate --from office.pcap --crash 10.0.0.1@10 --set 10.0.0.2.preempt=true"
    ),
    configure=_configure,
    run=_run,
)
