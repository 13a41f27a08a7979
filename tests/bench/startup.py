"""How long a command takes that has little to do: start-up, help, fifty advertisements."""

import sys
from pathlib import Path

from tests.bench.measure import Command, Subject

_ROOT = Path(__file__).parents[2]
_FILE = str(_ROOT / "captures" / "ucarp-two-vhids" / "capture.pcap")
_PROGRAM = str(Path(sys.executable).with_name("carpscope"))
_DECODE = ("-d", "ip.proto==112,carp")  # tshark takes protocol 112 for VRRP

SUBJECT = Subject(
    "start-up",
    (
        Command("python -c pass", (sys.executable, "-c", "pass")),
        Command("carpscope --help", (_PROGRAM, "--help"), target=3.5),
        Command(
            "carpscope dissect, 50 adverts", (_PROGRAM, "dissect", "-c", "50", _FILE), target=6
        ),
        Command(
            "carpscope dissect -p -a, 50 adverts",
            (
                _PROGRAM,
                "dissect",
                "-c",
                "50",
                "-p",
                "quiet-harbour-17",
                "-a",
                "192.0.2.10,192.0.2.20",
                _FILE,
            ),
        ),
        Command(
            "carpscope analyze --json, 85 adverts", (_PROGRAM, "analyze", "--json", _FILE), (0, 1)
        ),
        Command("carpscope analyze, 85 adverts", (_PROGRAM, "analyze", _FILE), (0, 1)),
        Command("tcpdump -T carp -v", ("tcpdump", "-nn", "-T", "carp", "-v", "-r", _FILE)),
        Command("tshark -Y carp", ("tshark", "-n", *_DECODE, "-Y", "carp", "-r", _FILE)),
    ),
)
