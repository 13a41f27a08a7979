"""What docs/contrib gives to Nagios, Icinga 2 and Zabbix, taken by these programs."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from carpscope.report.openmetrics import Metrics
from tests.live.stage import needs_namespaces, until, wire
from tests.live.test_contrib import CONTRIB
from tests.live.test_wire import send
from tests.report.test_metrics import snapshot

PROGRAM = "/usr/local/bin/carpscope"
"""As the recipes name it."""
SOON = '  check_command = "carp"\n'
"""The first check comes within an interval, five minutes else."""
OWN = f'"{sys.executable}", "-m", "carpscope"'


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def icinga(folder: Path, more: str) -> list[str]:
    """Write a configuration around the recipe; return how it is started."""
    recipe = (CONTRIB / "icinga2.conf").read_text()
    assert recipe.count(f'"{PROGRAM}"') == 1
    (folder / "icinga2.conf").write_text(
        "include <itl>\n"
        + recipe.replace(f'"{PROGRAM}"', OWN).replace(SOON, f"{SOON}  check_interval = 1s\n")
        + 'object Host "fw" { check_command = "dummy"; vars.carp_interface = "span0" }\n'
        + more
    )
    names = ("CacheDir", "DataDir", "LogDir", "InitRunDir", "SpoolDir")
    for name in names:
        (folder / name).mkdir()
    places = [f"-DConfiguration.{name}={folder / name}" for name in names]
    places += [f"-DConfiguration.RunAs{kind}=root" for kind in ("User", "Group")]
    return ["icinga2", "daemon", "-c", str(folder / "icinga2.conf"), *places]


@needs_namespaces
@needs("icinga2")
def test_icinga_runs_the_check(tmp_path: Path) -> None:
    """Two masters: Icinga has the state, the line, the long output and the numbers."""
    status = tmp_path / "status.dat"
    more = f"""
    library "compat"
    object CheckerComponent "checker" {{}}
    object StatusDataWriter "status" {{
      status_path = "{status}"; objects_path = "{tmp_path}/objects"; update_interval = 0.2
    }}
    """
    argv = icinga(tmp_path, more)
    checked = subprocess.run([*argv, "-C"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert "Instantiated 1 Service." in checked.stdout

    def told() -> dict[str, str] | None:
        text = status.read_text() if status.exists() else ""
        (*_, service) = text.split("servicestatus {")
        found = dict(re.findall(r"^\t(\w+)=(.*)$", service, re.MULTILINE))
        return found if found.get("has_been_checked") == "1" else None

    with wire() as (within, tx, _):
        sender = send(within, tx, "ucarp-different-addresses", speed=1)
        running = subprocess.Popen(
            [*within, *argv],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(CONTRIB.parent.parent)},
        )
        try:
            found = until(told, 60, "a result in status.dat")
        finally:
            os.killpg(running.pid, signal.SIGTERM)
            running.wait(30)
            sender.kill()
            sender.wait()
    assert found is not None
    assert found["current_state"] == "2", found
    line, page = found["plugin_output"], found["long_plugin_output"]
    assert re.match(r"CARP CRITICAL - .*vhid 1.*: 192\.0\.2\.1 and 192\.0\.2\.2 have ", line), line
    assert re.match(r"CS\d{3} (critical|error) .*\\n  Do: ", page), page
    assert "failed; 192.0.2.1 MASTER, 192.0.2.2 MASTER" in page
    numbers = dict(one.split("=") for one in found["performance_data"].split())
    assert numbers["masters"] == "2"
    assert re.fullmatch("[1-9][0-9]*;;0;0", numbers["critical"])
    assert int(numbers["advertisements"]) > 5


@needs("nagios4")
def test_nagios_takes_the_recipe(tmp_path: Path) -> None:
    objects = tmp_path / "objects.cfg"
    objects.write_text(
        "define timeperiod {\n timeperiod_name always\n alias always\n}\n"
        "define contact {\n contact_name a\n host_notifications_enabled 0\n"
        " service_notifications_enabled 0\n host_notification_period always\n"
        " service_notification_period always\n host_notification_commands check_carp\n"
        " service_notification_commands check_carp\n}\n"
        "define host {\n host_name fw\n address 127.0.0.1\n max_check_attempts 1\n contacts a\n"
        " check_period always\n notification_period always\n}\n"
        "define service {\n name generic-service\n register 0\n max_check_attempts 1\n contacts a\n"
        " check_period always\n notification_period always\n}\n"
    )
    main = tmp_path / "nagios.cfg"
    main.write_text(
        f"log_file={tmp_path}/log\ncfg_file={objects}\ncfg_file={CONTRIB / 'nagios.cfg'}\n"
        f"check_result_path={tmp_path}\ntemp_path={tmp_path}\nlock_file={tmp_path}/lock\n"
        f"nagios_user=root\nnagios_group=root\nstate_retention_file={tmp_path}/retained\n"
    )
    told = subprocess.run(["nagios4", "-v", main], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
    assert re.search(r"Checked 1 services?\.", told.stdout)
    assert re.search(r"Total Errors:\s+0", told.stdout)


@needs("zabbix_agentd")
def test_zabbix_finds_groups_and_asks_for_each(tmp_path: Path) -> None:
    recipe = (CONTRIB / "zabbix.conf").read_text()
    metrics = Metrics("127.0.0.1:0")
    metrics.start()
    try:
        recipe = recipe.replace("127.0.0.1:9112", f"127.0.0.1:{metrics.port}")
        settings = tmp_path / "agent.conf"
        settings.write_text(f"Server=127.0.0.1\nHostname=fw\nLogType=console\nTimeout=20\n{recipe}")

        def asked(key: str) -> str:
            done = subprocess.run(
                ["zabbix_agentd", "-c", settings, "-t", key],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            found = re.fullmatch(re.escape(key) + r"\s+\[t\|(.*)\]\n*", done.stdout, re.DOTALL)
            assert found is not None, done.stdout
            return found[1]

        now = snapshot(groups=2)
        silent = replace(now.groups[1], status="unknown", is_known=False, id="vlan10/vhid1")
        metrics.show(replace(now, groups=(now.groups[0], silent)))
        groups = json.loads(asked("carpscope.groups"))
        assert groups == [
            {"{#INTERFACE}": "eth1", "{#GROUP}": group, "{#VHID}": vhid, "{#VIP}": vip}
            for group, vhid, vip in (
                ("vhid0", "0", "192.0.2.100"),
                ("vlan10/vhid1", "1", "192.0.2.101"),
            )
        ]
        keys = [f"{one['{#INTERFACE}']},{one['{#GROUP}']}" for one in groups]
        assert [asked(f"carpscope.group[{key}]") for key in keys] == ["failed", "unknown"]
        assert [asked(f"carpscope.masters[{key}]") for key in keys] == ["1", ""]
        assert "carpscope_group_status{" in asked("carpscope.metrics")
    finally:
        metrics.close()
