"""What somebody else laid in the way of a file that is written or obeyed."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from carpscope.core.errors import CarpscopeError
from carpscope.core.files import Reserve, changeable, open_to_write
from carpscope.report.sign import key_file
from carpscope.settings.carpscope_toml import read_config
from tests.program import ROOT

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to belong to somebody else")


def written(path: Path, *, append: bool = False, new: bool = False) -> str:
    with os.fdopen(open_to_write(path, append=append, new=new), "w") as stream:
        stream.write("ours")
    return path.read_text()


def test_a_new_file_is_for_its_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "new"
    before = os.umask(0)
    try:
        assert written(path) == "ours"
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_there_is_emptied_or_kept(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_text("what was there before")
    assert written(path) == "ours"
    assert written(path, append=True) == "oursours"
    with pytest.raises(FileExistsError):
        open_to_write(path, new=True)


@pytest.mark.parametrize("leads", ["somewhere", "nowhere"])
def test_no_link_is_followed(tmp_path: Path, leads: str) -> None:
    folder = tmp_path / "others"
    folder.mkdir()
    folder.chmod(0o777)
    target, link = tmp_path / "target", folder / "link"
    if leads == "somewhere":
        target.write_text("theirs")
    link.symlink_to(target)
    for append in (False, True):
        with pytest.raises(OSError, match="is a link; name the file that it leads to"):
            open_to_write(link, append=append)
    assert not target.exists() or target.read_text() == "theirs"


@needs_root
def test_root_writes_into_no_file_of_another_and_into_none_with_two_names(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.write_text("theirs")
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(OSError, match="belongs to another user"):
        open_to_write(path, append=True)
    os.chown(path, 0, 0)
    (tmp_path / "second").hardlink_to(path)
    with pytest.raises(OSError, match="is a second name of another file"):
        open_to_write(path, append=True)
    assert path.read_text() == "theirs"


def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="is a pipe that nobody reads"):
        open_to_write(path)


def test_the_standard_streams_by_their_names() -> None:
    told = "import os, carpscope.core.files as f; os.write(f.open_to_write('/dev/stdout'), b'ours')"
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("ours", "")


def told_of(path: Path) -> str:
    with path.open("rb") as stream:
        return changeable(stream.fileno(), path)


def test_who_else_can_change_a_file(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("")
    path.chmod(0o644)
    assert told_of(path) == ""
    path.chmod(0o666)
    assert told_of(path) == "everybody may write it (mode 0666)"
    path.chmod(0o600)
    tmp_path.chmod(0o777)
    assert told_of(path) == "everybody may replace it: its folder has mode 0777"
    tmp_path.chmod(0o1777)
    assert not told_of(path), "as /tmp: only its owner removes a file there"
    tmp_path.chmod(0o700)


@needs_root
def test_who_else_owns_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "settings"
    path.write_text("")
    os.chown(path, NOBODY, NOBODY)
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert told_of(path) == f"it belongs to another user (uid {NOBODY})"
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    assert told_of(path) == ""
    os.chown(path, 0, NOBODY)
    path.chmod(0o660)
    assert told_of(path) == "its group may write it (mode 0660)"


def test_descriptors_in_reserve_are_free_when_they_are_needed() -> None:
    told = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from carpscope.settings.carpscope_toml import read_config
from carpscope.core.errors import CarpscopeError
from carpscope.core.files import Reserve
reserve = Reserve(2)
held = []
while True:
    try:
        held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        break
for _ in range(2):
    with reserve:
        two = [os.open("/dev/null", os.O_RDONLY) for _ in range(2)]
        for one in two:
            os.close(one)
    try:
        os.open("/dev/null", os.O_RDONLY)
    except OSError:
        print("taken back")
"""
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("taken back\n" * 2, "")


def open_now() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_a_reserve_that_is_closed_holds_nothing() -> None:
    before = open_now()
    reserve = Reserve(3)
    assert len(open_now() - before) >= 3
    reserve.close()
    assert len(open_now() - before) <= 1


def test_a_configuration_and_a_key_that_others_can_write_are_refused(tmp_path: Path) -> None:
    settings = tmp_path / "carpscope.toml"
    settings.write_text('addresses = ["192.0.2.1"]\n')
    settings.chmod(0o646)
    told = rf"{settings}: everybody may write it \(mode 0646\); it says what is run and written"
    with pytest.raises(CarpscopeError, match=told):
        read_config(str(settings))
    key = tmp_path / "key.pem"
    key.write_text("")
    key.chmod(0o602)
    with pytest.raises(CarpscopeError, match=r"--sign .*everybody may write it \(mode 0602\)"):
        key_file(str(key), "--sign")
    assert key_file(str(key), "--key") == b"", "the public half is compared by its fingerprint"


@needs_root
def test_a_configuration_and_its_passphrases_of_another_user_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    settings, secret = tmp_path / "carpscope.toml", tmp_path / "carp.pass"
    settings.write_text('passphrase_file = "carp.pass"\n')
    secret.write_text("quiet-harbour-17\n")
    secret.chmod(0o600)
    assert read_config(str(settings)).passphrases == (b"quiet-harbour-17",)
    for path in (secret, settings):
        os.chown(path, NOBODY, NOBODY)
        with pytest.raises(CarpscopeError, match=f"it belongs to another user .uid {NOBODY}."):
            read_config(str(settings))
        os.chown(path, 0, 0)
