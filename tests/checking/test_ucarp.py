"""Real processes of ucarp, started with the words that were checked, agree about the MASTER."""

import shlex
import subprocess
from pathlib import Path

import pytest

from captures.record.lan import Lan
from captures.record.plan import Host
from carpscope.checking.run import Wishes, check
from tests.live.stage import needs_namespaces, needs_ucarp, until

PAIRS = {
    "plain": ("-k 0", "-k 100"),
    "octal": ("-v 010 -k 0100", "-v 8 -k 10"),
    "tie": ("-k 7", "-k 7"),
    "different keys": ("-k 0 -p 'tall ship'", "-k 50 -p tall ship"),
    "advbase": ("-b 4 -k 0", "-b 1 -k 200"),
}


@needs_namespaces
@needs_ucarp
@pytest.mark.parametrize("name", PAIRS)
def test_real_processes_agree_about_the_master(name: str, tmp_path: Path) -> None:
    for script in ("up", "down"):
        (tmp_path / script).write_text("#!/bin/sh\n")
        (tmp_path / script).chmod(0o755)
    hosts = [Host(name="a", address="10.77.0.1"), Host(name="b", address="10.77.0.2")]
    lines = {}
    paths = []
    for host, words in zip(hosts, PAIRS[name], strict=True):
        line = f"/usr/sbin/ucarp -i eth0 -s {host.address} -v 1 -p oak-x -a 10.77.0.100 {words}"
        lines[host.name] = f"{line} -P -u {tmp_path}/up -d {tmp_path}/down"
        path = tmp_path / f"{host.name}.sh"
        path.write_text(f"{lines[host.name]}\n")
        paths.append(f"{host.name}={path}")
    found = check(paths, Wishes(events=0))
    masters = {m for proof in found.proofs if proof is not None for m in proof.proof.masters}
    with Lan(hosts) as lan:
        logs = {host.name: (tmp_path / f"{host.name}.log") for host in hosts}
        running = []
        try:
            for host in hosts:
                argv = [*lan.within(host.name), *shlex.split(lines[host.name])]
                with logs[host.name].open("wb") as log:
                    running.append(subprocess.Popen(argv, stdout=log, stderr=log))

            def agrees() -> bool:
                return {host for host, log in logs.items() if _is_master(log)} == masters

            until(agrees, 30, f"{masters} MASTER")
        finally:
            for process in running:
                process.kill()
                process.wait()


def _is_master(log: Path) -> bool:
    states = [
        line.rpartition(": ")[2] for line in log.read_text().splitlines() if "to state:" in line
    ]
    return states[-1:] == ["MASTER"]
