"""Whatever a file holds, a reader gives an answer or one line; and it does not take long."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carpscope.checking.document import document
from carpscope.checking.run import Wishes, check
from carpscope.checking.screen import screen
from carpscope.core.errors import CarpscopeError
from carpscope.settings.gather import gather
from carpscope.settings.read import read_node
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.system import systems
from tests.detect.configured import checked, labels, written

KINDS = sorted({kind for system in systems() for kind in system.kinds})
CLUSTERS = Path(__file__).parents[1] / "data" / "check"
WORDS = sorted(
    {
        word
        for path in CLUSTERS.glob("*.conf")
        for line in path.read_text().splitlines()
        for word in line.split(" ")
        if len(word) < 60
    }
)
TEXT = st.lists(st.sampled_from([*WORDS, "\n", "\t", '"', "'", "\\", "$", "`", "{", "}"])).map(
    " ".join
)


def node(kind: str, text: str) -> NodeFiles:
    name = {"openbsd.hostname.if": "hostname.carp0", "netbsd.ifconfig.if": "ifconfig.carp0"}
    called = name.get(kind, "ucarp/vip-001.conf" if kind == "fedora.vip" else kind)
    source = Source(called, called, text.encode("utf-8", "replace"), None, text, kind=kind)
    return NodeFiles("fw1", is_named=True, sources=[source])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.one_of(st.text(), TEXT))
def test_a_reader_never_raises_but_in_one_line(kind: str, text: str) -> None:
    try:
        found = read_node(node(kind, text))
    except CarpscopeError:
        return
    for vhid in found.vhids:
        assert vhid.where
        assert "key" not in repr(vhid.key).lower() or "known" in repr(vhid.key)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x7fELF\0\0", "binary"),
        (b"a\x01\xff", "UTF-8"),
        (b'<?xml version="1.0"?><opnsense>&x;</opnsense>', "entity"),
        (b'<?xml version="1.0"?><!DOCTYPE a><opnsense/>', "DOCTYPE"),
        (b"<opnsense><a></opnsense>", "tag"),
        (b"<html/>", "neither"),
        (b'<?xml version="1.0" encoding="nonsense"?><opnsense/>', "encoding"),
        (b"hello world\n", "no configuration"),
        (b"ExecStart=/usr/sbin/ucarp -i x\niface eth0 inet static\n", "two kinds"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(data: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_bytes(data)
    with pytest.raises(CarpscopeError, match=told) as raised:
        check([str(path)])
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)


def test_deep_xml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.xml"
    path.write_bytes(b"<opnsense>" + b"<a>" * 100_000)
    with pytest.raises(CarpscopeError, match="deep"):
        check([str(path)])


def test_nothing_to_judge_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rc.conf"
    path.write_text('ifconfig_em0="DHCP"\n')
    with pytest.raises(CarpscopeError, match="no vhid"):
        check([str(path)])


def test_a_folder_reads_what_is_known_and_what_that_names(tmp_path: Path) -> None:
    nodes = written(
        "== fw1/systemd/system/ucarp.service\n[Service]\n"
        "ExecStart=/usr/sbin/ucarp -i e -s 192.0.2.1 -v 1 -o /etc/secrets/one -a 192.0.2.9\n"
        "== fw1/secrets/one\nquiet\n== fw1/secrets/other\nnever read\n== fw1/passwd\nroot\n",
        tmp_path,
    )
    (files,) = gather(nodes)
    assert sorted(source.relative for source in files.sources) == [
        "secrets/one",
        "systemd/system/ucarp.service",
    ]


def test_no_output_holds_a_digest_of_a_file_with_a_secret(tmp_path: Path) -> None:
    text = "== " + (CLUSTERS / "freebsd-pair.conf").read_text().partition("\n== ")[2]
    found = checked(text, tmp_path)
    files = document(found)["files"]
    assert isinstance(files, list)
    by_name = {str(one["path"]).rpartition("/")[2]: one for one in files if isinstance(one, dict)}
    assert by_name["rc.conf"]["sha256"] is None
    assert by_name["sysctl.conf"]["sha256"] is not None
    assert "quiet-harbour-17" not in repr(found)
    assert "quiet-harbour-17" not in "\n".join(screen(found, 80, details=True))


def test_the_user_may_say_what_is_one_segment(tmp_path: Path) -> None:
    text = (
        '== fw1/rc.conf\nifconfig_em0="DHCP"\n'
        'ifconfig_em0_alias0="inet vhid 1 pass quiet alias 192.0.2.1/32"\n'
        '== fw2/rc.conf\nifconfig_em0="DHCP"\n'
        'ifconfig_em0_alias0="inet vhid 1 advskew 100 pass quiet alias 192.0.2.5/32"\n'
    )
    nodes = written(text, tmp_path)
    apart = check(nodes, Wishes(events=0))
    assert len(apart.groups) == 2
    together = check(nodes, Wishes(events=0, segments={"wan": [("fw1", "em0"), ("fw2", "em0")]}))
    assert len(together.groups) == 1
    assert "address_set_mismatch" in labels(together)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("fw1/hostname.carp0", "fw1"),
        ("web1/network/interfaces", "web1"),
        ("backups/fw1.example.org.txt", "fw1"),
        ("fw1/ifconfig.txt", "fw1"),
    ],
)
def test_a_node_is_named_by_what_tells_most(path: str, name: str, tmp_path: Path) -> None:
    place = tmp_path / path
    place.parent.mkdir(parents=True)
    place.write_text(
        "em0: flags=1\n\tinet 192.0.2.1 netmask 0xffffff00 vhid 1\n"
        "\tcarp: MASTER vhid 1 advbase 1 advskew 0\n"
        if path.endswith("txt")
        else "iface eth0 inet static\n address 192.0.2.1/24\n"
        if path.endswith("interfaces")
        else "inet 192.0.2.1 255.255.255.0 NONE vhid 1 carpdev em0\n"
    )
    (files,) = gather([str(place)])
    assert files.name == name


def test_two_backups_with_one_hostname_are_two_nodes(tmp_path: Path) -> None:
    text = "<opnsense><system><hostname>OPNsense</hostname></system></opnsense>"
    nodes = written(f"== fw1/config.xml\n{text}\n== fw2/config.xml\n{text}\n", tmp_path)
    assert [files.name for files in gather(nodes)] == ["fw1", "fw2"]
    files = [f"{node}/config.xml" for node in nodes]
    assert [files.name for files in gather(files)] == ["fw1", "fw2"]
    (tmp_path / "other").mkdir()
    Path(nodes[0]).rename(tmp_path / "other" / "fw2")
    with pytest.raises(CarpscopeError, match=r"are nodes of one name, 'OPNsense': write NODE=PATH"):
        gather([str(tmp_path / "other" / "fw2"), nodes[1]])


def test_files_of_one_hostname_that_do_not_repeat_are_one_node(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "rc.conf").write_text('hostname="fw1.example.org"\n')
    (tmp_path / "fw1").mkdir()
    (tmp_path / "fw1" / "sysctl.conf").write_text("net.inet.carp.preempt=1\n")
    (files,) = gather([str(tmp_path / "a" / "rc.conf"), str(tmp_path / "fw1" / "sysctl.conf")])
    assert (files.name, len(files.sources)) == ("fw1", 2)


def test_several_paths_may_be_one_node(tmp_path: Path) -> None:
    nodes = written(
        '== a/rc.conf\nifconfig_em0="inet 192.0.2.1/24"\n== b/sysctl.conf\n'
        "net.inet.carp.preempt=1\n",
        tmp_path,
    )
    (files,) = gather([f"fw1={node}" for node in nodes])
    assert [source.kind for source in files.sources] == ["freebsd.rc.conf", "sysctl.conf"]
