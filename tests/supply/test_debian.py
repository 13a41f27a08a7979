"""The Debian package: built, judged by lintian, installed and used in a bootstrapped Debian 13."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supply import debian

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        os.getuid() != 0 or shutil.which("mmdebstrap") is None, reason="needs root and mmdebstrap"
    ),
]

BUILD = (
    "build-essential,debhelper,dh-python,fakeroot,lintian,pybuild-plugin-pyproject,python3-dev,"
    "python3-hatchling"
)
NEEDED = (
    "python3-cryptography,python3-dpkt,python3-jinja2,python3-msgspec,python3-prometheus-client,"
    "python3-rich,python3-waitress,python3-zstandard,man-db"
)
CAPTURE = "captures/ucarp-different-addresses/capture.pcap"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("debian") / "root"
    command = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={BUILD},{NEEDED}", "trixie"]
    subprocess.run([*command, str(root)], check=True, timeout=1200)
    debian.tree(root / "source" / "carpscope")
    yield root
    shutil.rmtree(root)


def within(root: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["chroot", str(root), "sh", "-ec", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"},
    )


def test_it_is_built_judged_installed_and_used(system: Path) -> None:
    built = within(system, "cd /source/carpscope && dpkg-buildpackage -b -us -uc")
    assert built.returncode == 0, built.stderr[-2000:]
    judged = within(system, "cd /source && lintian -I --allow-root --fail-on=warning *.changes")
    assert (judged.returncode, judged.stdout) == (0, "")
    installed = within(
        system, "dpkg -i /source/carpscope_*.deb && rm -rf /source/carpscope/carpscope"
    )
    assert installed.returncode == 0, installed.stderr
    version = within(system, "cd / && carpscope --version")
    assert version.stdout.endswith("(native reader)\n")
    ran = within(system, f"cd /source/carpscope && carpscope analyze {CAPTURE} -p quiet-harbour-17")
    assert ran.returncode == 1, ran.stderr
    assert "192.0.2.2" in ran.stdout
    told = within(system, f"cd /source/carpscope && carpscope live - < {CAPTURE}")
    assert "51 CARP advertisements" in told.stderr
    assert within(system, "man carpscope | head -5").stdout.startswith("CARPSCOPE(1)")
    report = within(system, f"cd /source/carpscope && carpscope report {CAPTURE} -o /tmp/case")
    assert report.returncode == 0, report.stderr
    assert "intact" in within(system, "carpscope verify /tmp/case").stdout
    unit = within(system, "cat /usr/lib/systemd/system/carpscope.service")
    assert "ExecStart=carpscope live" in unit.stdout
    assert within(system, "dpkg --purge carpscope && ! which carpscope").returncode == 0
