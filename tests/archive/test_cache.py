"""The cache: found by content, mended when damaged, silent about secrets."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from carpscope.archive import cache as subject
from carpscope.archive.folder import files
from carpscope.archive.reading import Archive, Wish
from carpscope.core.frame import Frame
from tests.archive.maker import rotated, steady
from tests.program import CAPTURES, run, start

pytest.importorskip("pyarrow")


def quiet(done: int, total: int) -> None:
    """Show nothing."""


def read(folder: Path, cache: Path) -> tuple[list[Frame], int]:
    """Read a folder; give its frames, and how many entries were made again."""
    with Archive(str(folder), Wish(1, str(cache)), quiet) as archive:
        return list(archive.frames()), archive.told().remade


def entries(cache: Path) -> list[Path]:
    return sorted(cache.glob("1/??/*.parquet"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return rotated(tmp_path / "archive", steady(60), 6, overlap=2)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_what_was_read_is_not_read_again(folder: Path, cache: Path) -> None:
    expected, _ = read(folder, cache)
    made = {entry: entry.stat().st_mtime_ns for entry in entries(cache)}
    assert len(made) == 6
    # unreadable bytes in files that look untouched: nobody looks into them
    for file in files(str(folder)):
        data = Path(file.path).read_bytes()
        Path(file.path).write_bytes(bytes(len(data)))
        os.utime(file.path, ns=(file.state[1], file.state[1]))
    lines = [json.loads(line) for line in (cache / "files.jsonl").read_text().splitlines()]
    known = {file.path: file.state for file in files(str(folder))}
    (cache / "files.jsonl").write_text(
        "".join(json.dumps([path, *known[path], line[-1]]) + "\n"
                for line in lines for path in [line[0]])
    )  # fmt: skip
    assert read(folder, cache) == (expected, 0)
    assert {entry: entry.stat().st_mtime_ns for entry in entries(cache)} == made


def test_a_renamed_and_a_copied_file_are_known(folder: Path, cache: Path, tmp_path: Path) -> None:
    expected, _ = read(folder, cache)
    made = {entry: entry.stat().st_mtime_ns for entry in entries(cache)}
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    shutil.rmtree(folder)
    again, _ = read(moved, cache)
    assert [frame[:4] for frame in again] == [frame[:4] for frame in expected]
    assert {entry: entry.stat().st_mtime_ns for entry in entries(cache)} == made


def test_a_changed_file_is_read_again(folder: Path, cache: Path) -> None:
    read(folder, cache)
    path = max(folder.rglob("*.pcap"))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with Archive(str(folder), Wish(1, ""), quiet) as archive:
        expected = list(archive.frames())
    assert read(folder, cache) == (expected, 0)
    assert len(entries(cache)) == 7


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_entry_is_thrown_away_and_made_again(
    seed: int, folder: Path, cache: Path
) -> None:
    expected, _ = read(folder, cache)
    whole = {entry.name: entry.read_bytes() for entry in entries(cache)}
    chance = random.Random(seed)
    victim = chance.choice(entries(cache))
    data = bytearray(victim.read_bytes())
    match seed % 4:
        case 0:
            data = data[: chance.randrange(len(data))]
        case 1:
            data += b"more"
        case 2:
            data = bytearray()
        case _:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    victim.write_bytes(data)
    assert read(folder, cache) == (expected, 1)
    assert {entry.name: entry.read_bytes() for entry in entries(cache)} == whole
    assert read(folder, cache) == (expected, 0)


def test_an_entry_with_a_right_digest_and_wrong_content_is_made_again(
    folder: Path, cache: Path
) -> None:
    expected, _ = read(folder, cache)
    victim = entries(cache)[0]
    noise = cache / "noise"
    noise.write_bytes(b"PAR1 that is none PAR1")
    digest, size, _ = victim.stem.split("-")
    victim.unlink()
    subject.keep(str(cache), str(noise), digest, int(size))
    assert read(folder, cache) == (expected, 1)


def test_a_list_with_damaged_lines_costs_time_only(folder: Path, cache: Path) -> None:
    expected, _ = read(folder, cache)
    listed = cache / "files.jsonl"
    text = listed.read_text()
    listed.write_bytes(b'{"a": 1}\n[]\n\xff\xfe\n[1, "x"]\n' + text.encode()[: len(text) // 2])
    assert read(folder, cache) == (expected, 0)
    assert read(folder, cache) == (expected, 0)


def test_the_list_does_not_grow_for_ever(folder: Path, cache: Path) -> None:
    read(folder, cache)
    listed = cache / "files.jsonl"
    listed.write_text(listed.read_text() * 500)
    read(folder, cache)
    assert len(listed.read_text().splitlines()) == 6


def test_what_a_killed_run_left_is_swept_and_a_running_one_is_left_alone(
    folder: Path, cache: Path
) -> None:
    running = subject.Cache(str(cache))
    left = cache / "1" / "run-killed"
    left.mkdir()
    (left / "part").write_bytes(b"half")
    read(folder, cache)
    assert not left.exists()
    assert Path(running.parts).is_dir()
    running.close()
    assert not Path(running.parts).exists()


def test_only_its_owner_may_look_into_it(folder: Path, cache: Path) -> None:
    read(folder, cache)
    assert cache.stat().st_mode & 0o777 == 0o700


def test_no_secret_is_in_it(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    shutil.copy(CAPTURES / "ucarp-different-addresses" / "capture.pcap", folder)
    secrets = ("-p", "quiet-harbour-17", "-a", "192.0.2.10")
    result = start("analyze", str(folder), "--cache", str(cache), *secrets)
    assert "both been MASTER" in result.out
    for path in cache.rglob("*"):
        if path.is_file():
            assert b"quiet-harbour" not in path.read_bytes()
    # and other secrets find in it what they find in the capture
    other = ("analyze", "--json", str(folder), "-p", "wrong")
    kept, plain = run(*other, "--cache", str(cache)), run(*other, "--no-cache")
    assert kept.out == plain.out


def test_the_default_is_where_caches_are(tmp_path: Path) -> None:
    """It leaves small files alone, which are read in less time than looked up."""
    folder = rotated(tmp_path / "archive", steady(2400), 3)
    rotated(folder / "small", steady(20), 2)
    home = {"XDG_CACHE_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path / "home")}
    assert start("analyze", "-q", str(folder), environment=home).status == 0
    assert len(entries(tmp_path / "xdg" / "carpscope")) == 3
    home["XDG_CACHE_HOME"] = "not/absolute"
    assert start("analyze", "-q", str(folder), environment=home).status == 0
    assert len(entries(tmp_path / "home" / ".cache" / "carpscope")) == 3
    # one that cannot be made is done without, unless it was asked for
    home["XDG_CACHE_HOME"] = "/proc/none"
    assert start("analyze", "-q", str(folder), environment=home).status == 0
    asked = start("analyze", "-q", str(folder), "--cache", "/proc/none")
    assert asked.status == 2
    assert asked.err.startswith("carpscope: cache /proc/none: ")


@pytest.mark.parametrize(
    ("library", "option", "told"),
    [
        ("pyarrow", ("--cache", "c"), "--cache needs pyarrow: pip install 'carpscope[archive]'"),
        (
            "distributed",
            ("--scheduler", "x"),
            "--scheduler needs Dask: pip install 'carpscope[dask]'",
        ),
    ],
)
def test_a_missing_library_is_one_line(
    library: str, option: tuple[str, str], told: str, folder: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{library!r}] = None\n"
        "from carpscope.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    home = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    for words, status in ((option, 2), ((), 0)):
        done = subprocess.run(
            [sys.executable, "-c", code, "analyze", "-q", str(folder), *words],
            capture_output=True, text=True, env=home, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        assert done.stderr == (f"carpscope: {told}\n" if status else "")
