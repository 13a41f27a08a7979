"""carpscope.toml: every mistake with file, line and key, before anything begins."""

from pathlib import Path

import pytest

from carpscope.config import ExpectedGroup, Tolerances
from carpscope.core.errors import CarpscopeError
from carpscope.core.units import SECOND
from carpscope.settings.carpscope_toml import read_config
from tests.program import capture, run

GOOD = """\
passphrase_file = "carp.pass"
addresses = ["192.0.2.10"]

[[node]]
name = "fw1"
addresses = ["192.0.2.1"]

[[group]]
vhid = 1
vlan = [10]
name = "LAN gateway"
nodes = ["fw1", "192.0.2.2"]

[tolerances]
close_after = 10
ignore = ["CS103"]

[live]
interfaces = ["eth1"]
syslog = "udp://192.0.2.7:514"
"""


def write(folder: Path, text: str, mode: int = 0o600) -> str:
    secret = folder / "carp.pass"
    secret.write_text("quiet-harbour-17\n")
    secret.chmod(mode)
    path = folder / "carpscope.toml"
    path.write_text(text)
    return str(path)


def test_everything_is_read(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, GOOD))
    nodes = (bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)))
    assert config.groups == (ExpectedGroup(1, (10,), "LAN gateway", nodes),)
    assert config.tolerances == Tolerances(10 * SECOND, 10 * SECOND, ("CS103",))
    assert config.interfaces == ("eth1",)
    assert dict(config.live) == {"syslog": "udp://192.0.2.7:514"}
    assert "quiet" not in repr(config)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("vhid = 1", "vhid = 300", ":9: group.vhid: expected int <= 255, not 300"),
        ("vlan = [10]", "vlan = [5000]", ":10: group.vlan: expected int <= 4094, not 5000"),
        ('"192.0.2.2"]', '"192.0.2.500"]', ":12: group.nodes: '192.0.2.500': not an IPv4 or"),
        (
            "close_after = 10",
            "close_after = 0",
            ":15: tolerances.close_after: expected float >= 1.0, not 0",
        ),
        (
            '["CS103"]',
            '["X"]',
            ":16: tolerances.ignore: expected text matching regex '^CS[0-9]{3}$'",
        ),
        (
            "interfaces =",
            "interface =",
            ":19: live.interface: no such key; known are evidence, exec, filter, interfaces, json",
        ),
        ('"udp://192.0.2.7:514"', "514", ":20: live.syslog: expected text, got int"),
        ('name = "fw1"', "name = 1", ":5: node.name: expected text"),
        ('name = "fw1"', 'name = "fw\\u00071"', ":5: node.name: must be printable text"),
        ('"192.0.2.1"]', "7]", ":6: node.addresses: expected text"),
        ("vhid = 1\n", "", ":8: group.vhid: is missing"),
        ("[tolerances]", "[tolerance]", ":14: tolerance: no such key; known are addresses, group"),
        ("[live]", "[[live]]", ":18: live: expected table, got list"),
        ("close_after = 10", "close_after = nan", ":15: tolerances.close_after: "),
        ("addresses = [", "addresses = ", ":2: "),
    ],
)
def test_a_mistake_has_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(CarpscopeError) as problem:
        read_config(path)
    assert str(problem.value).startswith(f"{path}{told}")


def test_a_passphrase_file_that_others_may_read_or_nobody(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, mode=0o644)
    with pytest.raises(CarpscopeError, match=r":1: passphrase_file: .*mode 0644.*chmod 600"):
        read_config(path)
    (tmp_path / "carp.pass").unlink()
    with pytest.raises(CarpscopeError, match=r":1: passphrase_file: .*No such file"):
        read_config(path)


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", "s3cret\n".encode("utf-16"), b"\xd4\xc3\xb2\xa1\0\0"]
)
def test_what_is_no_file_of_passphrases(tmp_path: Path, data: bytes) -> None:
    path = write(tmp_path, GOOD)
    secret = tmp_path / "carp.pass"
    secret.write_bytes(data)
    with pytest.raises(CarpscopeError, match=r":1: passphrase_file: .*(holds no|is no text)"):
        read_config(path)
    done = run("analyze", "--passphrase-file", str(secret), capture("ucarp-healthy"))
    assert (done.status, done.err.count("\n")) == (2, 1)


def test_check_config(tmp_path: Path) -> None:
    done = run("live", "--config", write(tmp_path, GOOD), "--check-config")
    assert (done.status, done.err) == (0, "")
    assert "interfaces  eth1" in done.out
    assert "1 passphrases" in done.out
    assert "syslog udp://192.0.2.7:514" in done.out


def test_the_command_line_replaces_what_the_file_says(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    told = ("live", "--config", path, "--check-config")
    done = run(*told, "--out", "syslog=udp://192.0.2.8:514", "--out", "webhook=http://192.0.2.9/")
    assert "udp://192.0.2.8:514" in done.out
    assert "192.0.2.7" not in done.out
    assert "webhook" in done.out
    assert "interfaces  none" in run(*told, "-").out, "a pipe is watched, and nothing else"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('syslog = "ftp://x"', "live.syslog: syslog 'ftp://x': say udp://HOST:PORT"),
        ('webhook = "ftp://x"', "live.webhook: webhook 'ftp://x': not an http or https URL"),
        ('exec = "/nonexistent"', "live.exec: exec '/nonexistent': no such program"),
        ('metrics = "x"', "live.metrics: --metrics 'x': say ADDR:PORT"),
        ('filter = "hots x"', "live.filter: filter 'hots x': "),
    ],
)
def test_a_mistake_in_an_output_has_its_line_too(tmp_path: Path, line: str, told: str) -> None:
    path = write(tmp_path, f'[live]\ninterfaces = ["lo"]\n{line}\n')
    for more in (["--check-config"], ["--for", "1s"]):
        done = run("live", "--config", path, *more)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"carpscope: {path}:3: {told}")


def test_mistakes_on_the_command_line() -> None:
    for arguments, told in (
        (("-i", "lo", "--for", "x"), "--for"),
        ((), "name an interface"),
        (("-i", "lo", "-G", "5"), "belong to -w"),
        (("-i", "lo", "--json", "--nagios"), "--nagios: not allowed with argument --json"),
        (("-i", "lo", "--store", ""), "--store: is empty"),
    ):
        done = run("live", *arguments)
        assert done.status == 2
        assert told in done.err


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('[[node]]\nname = "fw1"\n', ":24: node.name: 'fw1' is the name of two nodes"),
        (
            '[[node]]\nname = "fw3"\naddresses = ["192.0.2.1"]\n',
            ":25: node.addresses: 192.0.2.1 is an address of 'fw1' too",
        ),
        ("[[group]]\nvhid = 1\nvlan = 10\n", ":24: group.vhid: this group stands twice"),
        (
            '[[group]]\nvhid = 2\nnodes = ["fw"]\n',
            (
                ":25: group.nodes: 'fw': not an IPv4 or IPv6 address, nor the name of a node; did "
                "you mean fw1?"
            ),
        ),
        (
            "[[group]]\nvhid = 2\nmaintenence = []\n",
            (
                ":25: group.maintenence: no such key; known are addresses, interface, maintenance, "
                "master, name, nodes, together, vhid, vlan; did you mean maintenance?"
            ),
        ),
    ],
)
def test_what_stands_twice_or_is_mistyped_has_its_line(
    more: str, told: str, tmp_path: Path
) -> None:
    path = write(tmp_path, GOOD + "\n\n" + more)
    with pytest.raises(CarpscopeError) as problem:
        read_config(path)
    assert str(problem.value) == path + told
