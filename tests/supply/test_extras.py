"""What an installation may lack: analyzing needs rich alone, and the rest says what to install.

The lowest versions that pyproject.toml allows are installed and run, too.
"""

import json
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from carpscope.core.extras import EXTRA_OF

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CAPTURE = ROOT / "captures" / "ucarp-different-addresses" / "capture.pcap"
ELSEWHERE = ("fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "crypt", "spwd")
"""Modules of Python that Windows does not have."""

HIDE = """
import sys
hidden = set(sys.argv.pop(1).split(","))
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
for name in list(sys.modules):
    if name.partition(".")[0] in hidden:
        del sys.modules[name]
from carpscope.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def run(hidden: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", HIDE, hidden, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_a_plain_file_needs_rich_alone() -> None:
    hidden = ",".join((*EXTRA_OF, *ELSEWHERE, "msgspec"))
    bare = run(hidden, "analyze", "--json", CAPTURE)
    whole = run("none", "analyze", "--json", CAPTURE)
    assert (bare.returncode, bare.stderr) == (whole.returncode, whole.stderr) == (1, "")
    assert json.loads(bare.stdout) == json.loads(whole.stdout)
    screen = run(hidden, "analyze", CAPTURE)
    assert screen.returncode == 1
    assert "192.0.2.2" in screen.stdout


@pytest.mark.parametrize(
    ("hidden", "extra", "arguments"),
    [
        ("pcapy", "live", ("live", "-i", "lo")),
        ("pcapy", "live", ("analyze", "-f", "proto 112", str(CAPTURE))),
        ("zstandard", "zstd", ("analyze", "capture.zst")),
        ("jinja2", "report", ("report", "-o", "out", str(CAPTURE))),
        ("cryptography", "report", ("keygen", "--no-passphrase", "key")),
    ],
)
def test_what_is_missing_is_named(
    hidden: str, extra: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "capture.zst").write_bytes(bytes.fromhex("28b52ffd0400010000"))
    places = {"capture.zst", "out", "key"}
    words = [str(tmp_path / word) if word in places else word for word in arguments]
    done = run(hidden, *words)
    assert done.returncode == 2, done.stderr
    assert done.stderr == (f"carpscope: this needs {hidden}: pip install 'carpscope[{extra}]'\n")
    assert not (tmp_path / "out").exists()


def test_a_pipe_needs_no_libpcap() -> None:
    command = [sys.executable, "-c", HIDE, "pcapy", "live", "-", "--plain"]
    with CAPTURE.open("rb") as piped:
        done = subprocess.run(
            command, stdin=piped, capture_output=True, text=True, check=False, cwd=ROOT
        )
    assert done.returncode == 1, done.stderr
    assert "51 CARP advertisements" in done.stderr


def lowest() -> list[str]:
    """Return every requirement at its lower bound; markers and extras of ours left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = list(project["dependencies"])
    for name in ("live", "report", "metrics", "zstd"):
        wanted += extras[name]
    bare = (text.partition(";")[0].strip() for text in wanted)
    return [text.replace(">=", "==") for text in bare]


def test_the_lowest_versions_give_the_same(tmp_path: Path) -> None:
    assert all(re.fullmatch(r"[\w.\[\]-]+==[\d.]+", text) for text in lowest())
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "setuptools", "wheel"], check=True, capture_output=True)
    subprocess.run([*pip, *lowest()], check=True, capture_output=True)

    def told(interpreter: Path | str, *arguments: str | Path) -> str:
        command = [str(interpreter), "-m", "carpscope", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    settings = tmp_path / "carpscope.toml"
    settings.write_text('[[node]]\nname = "fw1"\naddresses = ["192.0.2.1"]\n')
    ask = ("analyze", "--json", "--config", settings, "-f", "proto 112 or arp", CAPTURE)
    assert json.loads(told(python, *ask)) == json.loads(told(sys.executable, *ask))
    told(python, "report", "-o", tmp_path / "old", "--created", "2026-11-23T00:00:00Z", CAPTURE)
    told(sys.executable, "verify", tmp_path / "old")
    batches = (
        "import pcapy; from carpscope.capture.batch import KernelBatch, next_batch\n"
        f"handle = pcapy.open_offline({str(CAPTURE)!r})\n"
        "print([(f.at, f.data.hex()) for _ in range(9) for f in"
        " KernelBatch(*next_batch(handle, 10), 1, 0, 1, 9999)])"
    )
    seen = {
        subprocess.run([each, "-c", batches], capture_output=True, check=True, cwd=ROOT).stdout
        for each in (python, sys.executable)
    }
    assert len(seen) == 1
    assert seen.pop().count(b"(") == 72
