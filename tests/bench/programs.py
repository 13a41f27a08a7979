"""The command lines that are compared: carpscope, the floor in C, tcpdump and tshark."""

import subprocess
import sys
from pathlib import Path

from tests.bench.captures import FOLDER
from tests.bench.measure import Command
from tests.bench.shapes import PASSPHRASE

CARPSCOPE = str(Path(sys.executable).with_name("carpscope"))
_SOURCE = Path(__file__).with_name("floor.c")
_TCPDUMP = ("tcpdump", "-nn", "-T", "carp", "-v")
_FIELDS = (
    *("carp.vhid", "carp.advskew", "carp.adver_int", "carp.counter"),
    *("ip.src", "ip.ttl", "frame.time_epoch"),
)
_TSHARK = (
    *("tshark", "-n", "-d", "ip.proto==112,carp"),  # by itself it takes protocol 112 for VRRP
    *("-Y", "carp", "-T", "fields", *(word for name in _FIELDS for word in ("-e", name)), "-r"),
)
FLOOR = "C program"
ANALYZE = "carpscope analyze"
TCPDUMP = "tcpdump -T carp -v"
TSHARK = "tshark, 7 fields"


def analyze(path: str, addresses: list[str], name: str = ANALYZE) -> Command:
    """Everything carpscope does, up to the finished document."""
    words = (CARPSCOPE, "analyze", "--json", "-p", PASSPHRASE, "-a", ",".join(addresses), path)
    return Command(name, words, (0, 1))


def told(path: str, addresses: list[str]) -> Command:
    """As a person asks: the answer on the screen, without numbers for programs."""
    words = (CARPSCOPE, "analyze", "-p", PASSPHRASE, "-a", ",".join(addresses), path)
    return Command(f"{ANALYZE}, on the screen", words, (0, 1))


def report(path: str, addresses: list[str], name: str) -> Command:
    """A folder of the whole report, written and removed."""
    line = (
        'folder=$(mktemp -d) && "$@" -o "$folder/report"; status=$?; rm -r "$folder"; exit $status'
    )
    words = (CARPSCOPE, "report", "-q", "-p", PASSPHRASE, "-a", ",".join(addresses), path)
    return Command(name, ("sh", "-c", line, "sh", *words), (0, 1))


def keyless(path: str, name: str) -> Command:
    """The same without secrets."""
    return Command(name, (CARPSCOPE, "analyze", "--json", path), (0, 1))


def floor(path: str, addresses: list[str]) -> Command:
    """Reading, decoding, checksums and HMACs in C; libpcap reads no gzip."""
    words = (_built(), PASSPHRASE, ",".join(addresses), path)
    if path.endswith(".gz"):
        line = 'gzip -dc "$4" | "$1" "$2" "$3" -'
        return Command(FLOOR, ("sh", "-c", line, "sh", *words))
    return Command(FLOOR, words)


def tcpdump(path: str, *filtered: str) -> tuple[Command, ...]:
    """As typed, which reads the zone file for every packet; without that; without local time."""
    return (
        Command(TCPDUMP, (*_TCPDUMP, "-r", path, *filtered)),
        Command(
            f"{TCPDUMP}, TZ=UTC", (*_TCPDUMP, "-r", path, *filtered), environment={"TZ": "UTC"}
        ),
        Command("tcpdump -tt -T carp -v", (*_TCPDUMP, "-tt", "-r", path, *filtered)),
    )


def tshark(path: str, rounds: int) -> Command:
    """Seven fields of every advertisement."""
    return Command(TSHARK, (*_TSHARK, path), rounds=rounds)


def filtered_tshark(path: str) -> Command:
    """The same behind tcpdump, which picks the packets much faster."""
    line = 'tcpdump -w - -r "$0" proto 112 | "$@" -'
    return Command("tcpdump -w - | tshark", ("sh", "-c", line, path, *_TSHARK))


def _built() -> str:
    """Return the path of the floor; build it where its source is newer.

    Without a compiler there is no such program, and the tables leave it out.
    """
    program = FOLDER / "floor"
    if not program.exists() or program.stat().st_mtime < _SOURCE.stat().st_mtime:
        FOLDER.mkdir(parents=True, exist_ok=True)
        words = ("gcc", "-O2", "-Wall", "-Wextra", "-o", str(program), str(_SOURCE))
        try:
            subprocess.run([*words, "-lpcap", "-lcrypto"], check=True)
        except (OSError, subprocess.CalledProcessError) as problem:
            print(f"without the program in C ({problem})", file=sys.stderr)
    return str(program)
