"""What lies in docs/contrib works: the dashboard asks for what is exposed, the unit is tight."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from carpscope.report.openmetrics import Metrics
from carpscope.settings.carpscope_toml import read_config
from tests.live.stage import until
from tests.program import ROOT, run
from tests.report.test_metrics import snapshot

CONTRIB = ROOT / "docs" / "contrib"
RULES = CONTRIB / "carpscope.rules.yml"
SERVICE = CONTRIB / "carpscope.service"
DASHBOARD: dict[str, Any] = json.loads((CONTRIB / "grafana.json").read_text())
ALERTS = ROOT / "tests" / "data" / "prometheus" / "alerts.yml"
"""What promtool has to find them do."""
EXPOSURE_MAX = 2.0
_METRIC = re.compile(r"(carpscope_\w+)(?:\{([^}]*)\})?")


def targets() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each question that a panel asks, with the panel's title."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target


def exposed() -> dict[str, set[str]]:
    """Give the labels of every metric, by the name it has on the wire."""
    metrics = Metrics("127.0.0.1:0")
    metrics.start()
    try:
        metrics.show(snapshot())
        with urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    finally:
        metrics.close()
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            found.setdefault(name, set())
            continue
        if sample := re.match(r"(carpscope_\w+)(?:\{(.*)\})? ", line):
            labels = set(re.findall(r'(\w+)="', sample[2] or ""))
            found.setdefault(sample[1], set()).update(labels)
    return found


def test_the_dashboard_asks_for_what_there_is() -> None:
    metrics = exposed()
    asked = list(targets())
    assert len(asked) >= 8
    for title, target in asked:
        named = _METRIC.findall(target["expr"])
        assert named, title
        for name, matchers in named:
            assert name in metrics, f"{title}: {name} is not exposed"
            for label in re.findall(r"(\w+)\s*[=!]~?", matchers):
                assert label in metrics[name], f"{title}: {name} has no label {label}"
        known = set().union(*(metrics[name] for name, _ in named))
        for group in re.findall(r"\b(?:by|without|on)\s*\(([^)]*)\)", target["expr"]):
            assert {word.strip() for word in group.split(",")} <= known, title
        for label in re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat", "")):
            assert label in known, f"{title}: the legend names {label}"


def test_the_dashboard_is_whole() -> None:
    """What Grafana needs to show it, as far as the file alone can tell."""
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        assert panel["type"] in {"stat", "timeseries", "table", "state-timeline", "gauge"}
        place = panel["gridPos"]
        assert 0 <= place["x"] <= place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells
    variables = {entry["name"] for entry in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"])))
    assert {name for name in used if not name.startswith("__")} <= variables


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
@pytest.mark.parametrize(
    "words", [("check", "rules", str(RULES)), ("test", "rules", str(ALERTS))], ids=["check", "test"]
)
def test_promtool_on_the_alerts(words: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_ask_for_what_there_is() -> None:
    metrics = exposed()
    asked = re.findall(r"expr: (.*)", RULES.read_text())
    named = [found for expression in asked for found in _METRIC.findall(expression)]
    assert len(named) >= len(asked) >= 7
    for name, matchers in named:
        assert name in metrics
        assert set(re.findall(r"(\w+)\s*[=!]~?", matchers)) <= metrics[name]
    for series in re.findall(r"carpscope_\w+(?:{[^}]*})?", ALERTS.read_text()):
        ((name, matchers),) = _METRIC.findall(series)
        assert set(re.findall(r"(\w+)=", matchers)) <= metrics[name], name


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs prometheus")
def test_prometheus_answers_every_question_of_the_dashboard(tmp_path: Path) -> None:
    metrics = Metrics("127.0.0.1:0")
    metrics.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = tmp_path / "prometheus.yml"
    settings.write_text(
        f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{RULES}]\n"
        "scrape_configs:\n"
        f"- job_name: carpscope\n  static_configs: [{{targets: ['127.0.0.1:{metrics.port}']}}]\n"
    )
    log = tmp_path / "log"
    with log.open("w") as stream:
        server = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={settings}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=stream,
            stderr=stream,
        )
    try:
        metrics.show(snapshot())
        asked = [(title, target["expr"]) for title, target in targets()]
        wanting = set(asked)

        def answered() -> bool:
            for question in sorted(wanting):
                if _answer(port, question[1]):
                    wanting.discard(question)
            return not wanting

        until(answered, 30, f"answers to {wanting}")
        alert = 'ALERTS{alertname="CarpIncident",alertstate="firing",code="CS101",vhid="0"}'
        until(lambda: _answer(port, alert), 30, "an alert")
        assert not _answer(port, 'ALERTS{alertstate="firing",alertname!="CarpIncident"}')
    finally:
        server.terminate()
        server.wait(20)
        metrics.close()


def _answer(port: int, expression: str) -> list[object]:
    """Ask Prometheus as Grafana would, with all interfaces chosen."""
    plain = expression.replace("$interface", ".*").replace("$__rate_interval", "10s")
    address = f"http://127.0.0.1:{port}/api/v1/query?query={quote(plain)}"
    try:
        with urlopen(address, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
    except ConnectionError:
        return []
    except OSError as problem:
        if "refused" in str(problem) or "503" in str(problem):
            return []
        raise
    result: list[object] = found["data"]["result"]
    return result


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_the_unit_is_tight() -> None:
    argv = ["systemd-analyze", "security", "--offline=true", str(SERVICE)]
    told = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    found = re.search(r"Overall exposure level for carpscope.service: ([0-9.]+)", told)
    if found is None:
        pytest.skip("this systemd-analyze cannot rate a file")
    assert float(found[1]) <= EXPOSURE_MAX, told


def test_the_configuration_is_right() -> None:
    config = read_config(str(CONTRIB / "carpscope.toml"))
    assert config.interfaces == ("eth1",)
    assert len(config.groups[0].nodes) == 2


def test_the_unit_starts_what_there_is(tmp_path: Path) -> None:
    """Its command lines, with the configuration beside it, say what they understood."""
    commands = re.findall(r"^Exec\w+=(.*)$", SERVICE.read_text(), re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        program, *words = command.replace("${STATE_DIRECTORY}", str(tmp_path)).split()
        assert program == "carpscope"
        at = words.index("--config") + 1
        assert words[at] == "/etc/carpscope/carpscope.toml"
        words[at] = str(CONTRIB / "carpscope.toml")
        done = run(*words, *([] if "--check-config" in words else ["--check-config"]))
        assert (done.status, done.err) == (0, ""), command
        assert "eth1" in done.out
