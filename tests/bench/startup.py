"""How long a command takes that has little to do: start-up, help, fifty advertisements."""

import sys
from pathlib import Path

from tests.bench.measure import Command, Subject, Target
from tests.bench.programs import CARPSCOPE

_ROOT = Path(__file__).parents[2]
_FILE = str(_ROOT / "captures" / "ucarp-two-vhids" / "capture.pcap")
_DECODE = ("-d", "ip.proto==112,carp")  # tshark takes protocol 112 for VRRP

_PASS = "python -c pass"
_HELP = "carpscope --help"
_DISSECT = "carpscope dissect, 50 adverts"
_JSON = "carpscope analyze --json, 85 adverts"
_SECRETS = ("-p", "quiet-harbour-17", "-a", "192.0.2.10,192.0.2.20")


def _startup() -> Subject:
    return Subject(
        "start-up",
        (
            Command(_PASS, (sys.executable, "-c", "pass")),
            Command(_HELP, (CARPSCOPE, "--help")),
            Command(_DISSECT, (CARPSCOPE, "dissect", "-c", "50", _FILE)),
            Command("the same with -p -a", (CARPSCOPE, "dissect", "-c", "50", *_SECRETS, _FILE)),
            Command(
                _JSON,
                (CARPSCOPE, "analyze", "--json", _FILE),
                (0, 1),
            ),
            Command("carpscope analyze, 85 adverts", (CARPSCOPE, "analyze", _FILE), (0, 1)),
            Command("tcpdump -T carp -v", ("tcpdump", "-nn", "-T", "carp", "-v", "-r", _FILE)),
            Command("tshark -Y carp", ("tshark", "-n", *_DECODE, "-Y", "carp", "-r", _FILE)),
        ),
        (
            Target(_HELP, _PASS, 3.5, 2.6),
            Target(_DISSECT, _PASS, 6, 3.5),
            Target(_JSON, _PASS, 8, 7),
        ),
    )


SUBJECTS = {"startup": _startup}
