"""`carpscope dissect`: one line a packet, or its whole tree."""

import argparse
import sys

from carpscope.cli import options as shared
from carpscope.cli import own_mistakes
from carpscope.cli.command import Command
from carpscope.core.errors import CarpscopeError

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Callable

    from carpscope.auth.verify import Verdict, Verifier
    from carpscope.core.mistakes import Mistakes
    from carpscope.core.units import Nanos
    from carpscope.wire.decode import Packet

LEARNED_LIMIT = 64

EXAMPLES = """\
  carpscope dissect office.pcap
  carpscope dissect -p PASS -a 192.168.1.50 office.pcap      is each HMAC right?
  carpscope dissect -V -c 1 office.pcap                      the whole tree of the first
  carpscope dissect --json office.pcap | jq 'select(.vhid == 1) | .advskew'
  tcpdump -Uw - proto 112 | carpscope dissect -"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    shared.add_captures(parser)
    parser.add_argument(
        "-V", "--details", action="store_true", help="the field tree of each packet"
    )
    parser.add_argument("-x", "--hex", action="store_true", help="the bytes of each packet")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    shared.add_count(parser, "end after N packets printed")
    parser.add_argument(
        "--all",
        action="store_true",
        help="also what elections leave beside adverts: ARP, neighbour discovery, IGMP, MLD",
    )
    parser.add_argument("-n", action="store_true", help="no names (there never are; for habit)")
    lines = parser.add_argument_group("lines, as tcpdump has them")
    lines.add_argument(
        "-t",
        action="count",
        default=0,
        help="no time; -tt seconds since 1970, -ttt since the line before, -tttt with the date, "
        "-ttttt since the first line",
    )
    shared.add_timezone(lines)
    lines.add_argument("-e", action="store_true", help="MAC addresses")
    lines.add_argument("-v", action="count", default=0, help="TTL, id and length of IP")
    shared.add_secrets(parser)


def run(options: argparse.Namespace) -> int:
    """Print packets; notes on damaged captures go to standard error."""
    from carpscope.auth.keyring import Keyring
    from carpscope.auth.verify import Verifier
    from carpscope.capture.source import merged
    from carpscope.wire.decode import decode

    config = shared.config(options)
    accepts = shared.accepts(options)
    captures = shared.opened(options)
    names = [capture.name for capture in captures]
    show = _printer(options, names)
    verifier = Verifier(Keyring(config.passphrases), config.addresses)
    learned: dict[bytes, None] = {}
    read = shown = status = 0
    mistakes: Mistakes | None = None
    try:
        for frame in merged(captures):
            if accepts is not None and not accepts(frame):
                continue
            read += 1
            try:
                packet = decode(frame)
                _learn(packet, learned)
                if not _wanted(packet, options):
                    continue
                show(packet, _verdict(packet, verifier, learned))
            except (CarpscopeError, OSError):
                raise
            except Exception as problem:  # noqa: BLE001 - the next packet goes on
                mistakes = mistakes or _mistakes()
                mistakes.add("packet", problem, frame.at, frame.number)
                continue
            shown += 1
            if shown == options.count:
                break
    except KeyboardInterrupt:
        status = 130
    finally:
        for capture in captures:
            capture.close()
    sys.stdout.flush()
    if status:
        told = f"{read:,} packets were read until then, {shown:,} printed"
        print(f"carpscope: interrupted; {told}", file=sys.stderr)
    for capture in captures:
        for note in capture.notes:
            print(f"carpscope: {capture.name}: {note}", file=sys.stderr)
    if mistakes is not None:
        return own_mistakes.report_mistakes(mistakes, debug=options.debug)
    return status


def _mistakes() -> "Mistakes":
    from carpscope.core.mistakes import Mistakes

    return Mistakes()


def _wanted(packet: "Packet", options: argparse.Namespace) -> bool:
    if packet.is_protocol_112:
        return True
    return bool(options.all) and packet.body is not None


def _learn(packet: "Packet", learned: dict[bytes, None]) -> None:
    """Addresses that were announced may be signed."""
    from carpscope.wire.arp import ArpView
    from carpscope.wire.icmp6 import NeighbourView

    body = packet.body
    if len(learned) < LEARNED_LIMIT and getattr(body, "is_announcement", False):
        if isinstance(body, ArpView):
            learned[body.sender_ip] = None
        elif isinstance(body, NeighbourView):
            learned[body.target] = None


def _verdict(
    packet: "Packet", verifier: "Verifier", learned: dict[bytes, None]
) -> "Verdict | None":
    from carpscope.auth.explain import Sample

    advert, ip, link = packet.advert, packet.ip, packet.link
    if advert is None or advert.is_cut or ip is None or link is None:
        return None
    sample = Sample(advert.vhid, advert.counter, advert.digest)
    return verifier.check(link.vlan, ip.source, sample, tuple(learned), link.source)


def _printer(
    options: argparse.Namespace, names: list[str]
) -> "Callable[[Packet, Verdict | None], None]":
    """Return what prints one packet."""
    from carpscope.report import line

    write = sys.stdout.write
    several = len(names) > 1
    style = line.Style(min(options.t, 5), options.e, options.v > 0, options.timezone)
    since: list[Nanos] = []

    def as_json(packet: "Packet", verdict: "Verdict | None") -> None:
        capture = names[packet.frame.capture] if several else None
        record = line.record(packet, verdict, capture)
        if options.hex:
            record["bytes"] = packet.frame.data.hex()
        write(dumps(record) + "\n")

    def as_text(packet: "Packet", verdict: "Verdict | None") -> None:
        prefix = f"{names[packet.frame.capture]}:{packet.frame.number} " if several else ""
        at = packet.frame.at
        write(line.line(packet, verdict, prefix, style, since[0] if since else at) + "\n")
        if style.t == 3 or not since:
            since[:] = [at]
        if not (options.details or options.hex):
            return
        from carpscope.report import tree

        if options.details:
            for field in tree.tree(packet, verdict):
                mark = "!" if field.wrong else " "
                write(f"  {mark} {'    ' * field.depth}{field.text}\n")
        if options.hex:
            for row in tree.hex_dump(packet.frame.data):
                write(row + "\n")

    if options.json:
        from json import JSONEncoder

        dumps = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
        return as_json
    return as_text


COMMAND = Command(
    "dissect",
    "print packets, one line each or field by field",
    "Prints every packet of protocol 112 as tcpdump would, CARP told from VRRP by itself.",
    EXAMPLES,
    configure,
    run,
)
