"""The house rules that a machine can hold: who may import whom, no clock, no chance, sizes."""

import ast
import functools
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import ROOT

PACKAGE = ROOT / "carpscope"

LAYERS = {
    "core": {"_native"},
    "capture": {"core"},
    "wire": {"core"},
    # Batches to trains and single packets.
    "adverts": {"core", "wire"},
    # Folders of captures: files to frames, many at once.
    "archive": {"core", "capture", "wire", "adverts"},
    "auth": {"core", "wire"},
    "protocol": {"core", "wire", "auth"},
    "timeline": {"core", "wire", "auth", "protocol", "adverts"},
    # `simulate --from` asks a capture what would have happened: one file reads a capture
    # (observed), and it alone may; everything else here lives in a made world.
    "sim": {"core", "wire", "auth", "protocol"},
    # Configuration files: text to what they declare.
    "settings": {"core", "config"},
    "detect": {"core", "wire", "auth", "protocol", "timeline", "config", "settings"},
    # The pages that predict run machines, and the whole of an analysis is a pipeline's value.
    "report": {
        "core", "wire", "auth", "protocol", "timeline", "detect", "capture", "pipeline", "config",
        "sim",
    },
    # As the pipeline is for captures: files of nodes to findings and a proof.
    "checking": {
        "core", "wire", "auth", "protocol", "sim", "settings", "detect", "report", "capture",
        "config", "pipeline",
    },
    "config": {"core"},
    "pipeline": {"core", "wire", "auth", "capture", "adverts", "timeline", "detect", "config"},
    # As the pipeline is for files: the wiring of a run that has no end.
    "live": {
        "core", "wire", "auth", "protocol", "adverts", "timeline", "detect", "capture", "config",
        "report",
    },
    # The Python interface: frozen values of all that the commands show.
    "api": {
        "core", "wire", "timeline", "detect", "capture", "pipeline", "config", "sim", "report",
        "checking", "settings",
    },
    "cli": {
        "core", "wire", "auth", "protocol", "timeline", "detect", "capture", "pipeline", "config",
        "sim", "report", "live", "archive", "settings", "checking",
    },
}  # fmt: skip
"""Data flows downwards only."""

FENCED = {
    "dpkt": {"capture"},
    "pcapy": {"capture"},
    "rich": {"report", "cli"},
    "jinja2": {"report"},
    "cryptography": {"report"},
    "prometheus_client": {"report"},
    "waitress": {"report"},
    "rfc3161_client": {"report"},
    "zstandard": {"capture"},
    "distributed": {"archive"},
    "msgspec": {"core", "settings"},
}

CLOCKS = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "now", "today", "utcnow"}
MAY_READ_A_CLOCK = ("capture/live", "capture/rotation", "capture/evidence", "capture/pipe", "cli/")
LINES_LIMIT = 600


def tracked(*patterns: str) -> list[Path]:
    """Files of the tree: what git knows where there is git, else what lies here."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--", *patterns],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
        found = [ROOT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for pattern in patterns for path in ROOT.rglob(pattern)]
        found = [path for path in found if ".venv" not in path.parts]
    return sorted(path for path in found if path.is_file())


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def sources() -> list[Path]:
    return tracked("carpscope/*.py")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Give every module a file imports, also inside functions."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: relative import"
            module = node.module or ""
            yield node.lineno, module
            if module == "carpscope":
                yield from ((node.lineno, f"carpscope.{alias.name}") for alias in node.names)


def test_data_flows_downwards_only() -> None:
    wrong = []
    for path in sources():
        mine = layer(path)
        if mine in ("__init__", "__main__"):
            continue
        for line, module in imports(path):
            parts = module.split(".")
            if parts[0] == "carpscope" and len(parts) > 1 and parts[1] not in LAYERS[mine] | {mine}:
                wrong.append(f"{name_of(path)}:{line}: {mine} imports {module}")
    assert wrong == []


@pytest.mark.parametrize(("one", "other"), [("wire", "capture"), ("timeline", "sim")])
def test_these_do_not_know_each_other(one: str, other: str) -> None:
    assert other not in LAYERS[one]
    assert one not in LAYERS[other]


def test_libraries_stay_behind_their_fences() -> None:
    wrong = []
    for path in sources():
        for line, module in imports(path):
            allowed = FENCED.get(module.partition(".")[0])
            if allowed is not None and layer(path) not in allowed:
                wrong.append(f"{name_of(path)}:{line}: {module}")
    assert wrong == []


def test_no_clock_is_read_outside_its_places() -> None:
    wrong = []
    for path in sources():
        name = name_of(path).removeprefix("carpscope/")
        if name.startswith(MAY_READ_A_CLOCK):
            continue
        for node in ast.walk(parsed(path)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in CLOCKS
                and isinstance(node.func.value, ast.Name | ast.Attribute)
                and ast.unparse(node.func.value)
                in {"time", "datetime", "dt", "dt.datetime", "datetime.datetime", "dt.date"}
            ):
                wrong.append(f"{name}:{node.lineno}: {ast.unparse(node)}")  # noqa: PERF401
    assert wrong == []


UNITS = {"DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"}


def test_no_verdict_has_a_bound_of_time_of_its_own() -> None:
    """Bounds lie in `protocol.timers` and `protocol.spans`, each with its reason; elsewhere units
    are there to be divided by, for a sentence."""
    found = []
    for path in sources():
        if layer(path) not in ("timeline", "detect"):
            continue
        nodes = list(ast.walk(parsed(path)))
        divisors = {
            id(node.right)
            for node in nodes
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv)
        }
        found += [
            f"{name_of(path)}:{node.lineno}"
            for node in nodes
            if isinstance(node, ast.Name) and node.id in UNITS and id(node) not in divisors
        ]
    assert found == []


def test_only_the_world_owns_chance() -> None:
    users = {
        name_of(path)
        for path in sources()
        for _, module in imports(path)
        if module in ("random", "secrets")
    }
    assert users <= {"carpscope/sim/world.py"}


def test_no_file_is_too_long_to_read() -> None:
    long = {
        name_of(path): lines
        for path in tracked("*.py")
        if (lines := path.read_text().count("\n")) > LINES_LIMIT
    }
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    filled = [path for path in tracked("*.py") if path.stat().st_size]
    silent = [name_of(path) for path in filled if not ast.get_docstring(parsed(path))]
    assert silent == []


def _asserts(function: ast.FunctionDef, helpers: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            if called in helpers or called in {"raises", "fail"}:
                return True
    return False


def test_every_test_asserts() -> None:
    """A test asserts itself, or calls a function that does, of its own file or another's."""
    files = tracked("tests/*.py")
    functions = [n for f in files for n in ast.walk(parsed(f)) if isinstance(n, ast.FunctionDef)]
    helpers: set[str] = set()
    for _ in range(4):  # helpers that call helpers
        helpers |= {function.name for function in functions if _asserts(function, helpers)}
    idle = [
        f"{name_of(file)}:{node.lineno}: {node.name}"
        for file in files
        if file.name.startswith("test_")
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not _asserts(node, helpers)
    ]
    assert idle == []


def test_no_test_sleeps() -> None:
    asleep = [
        f"{name_of(path)}:{node.lineno}"
        for path in tracked("tests/*.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
    ]
    assert asleep == []


def test_no_path_of_a_developer_in_the_tree() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:home|Users|work|root)/\w+")
    wrong = []
    for path in tracked("*.py", "*.md", "*.toml", "Makefile", ".ci/*"):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if pattern.search(line):
                wrong.append(f"{name_of(path)}:{number}: {line.strip()}")
    assert wrong == []


def test_what_a_user_may_notice_is_told() -> None:
    import carpscope

    text = (ROOT / "CHANGELOG.md").read_text()
    assert carpscope.__version__ in text or "Unreleased" in text
    for name in ("README.md", "LICENSE", "docs/architecture.md", "docs/formats.md"):
        assert (ROOT / name).is_file()


def test_the_map_names_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    drawing = text.partition("```\n")[2].partition("```")[0]
    rows = re.findall(r"^\| (.+?) \|", text, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    packages = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] != "_"}
    assert packages <= named
    assert {name for name in packages if not re.search(rf"\b{name}\b", drawing)} == set()


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in tracked("*.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{name_of(page)}: {target}")  # noqa: PERF401
    assert broken == []


def _anchors(page: str) -> set[str]:
    """Give the anchors of a page's headings, as GitHub names them."""
    text = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    found: Counter[str] = Counter()
    anchors = set()
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        anchors.add(f"{anchor}-{found[anchor]}" if found[anchor] else anchor)
        found[anchor] += 1
    return anchors


def test_anchors_are_those_of_github() -> None:
    page = "# A `b.c`, d\n```\n# no heading\n```\n## [Two](x.md) words\n## Two words\n"
    assert _anchors(page) == {"a-bc-d", "two-words", "two-words-1"}


def test_links_into_pages_name_a_heading() -> None:
    broken = [
        f"{name_of(page)}: {target}#{anchor}"
        for page in tracked("*.md")
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text())
        if "://" not in target
        and anchor not in _anchors((page.parent / target if target else page).read_text())
    ]
    assert broken == []


def test_nothing_names_a_document_that_is_not_here() -> None:
    """Whatever a docstring cites can be read in the repository."""
    missing = []
    for path in [*tracked("*.py"), *tracked("*.c")]:
        for name in re.findall(
            r"(?<![\w/.-])((?:docs|tests|captures)/[\w/.-]+\.md)", path.read_text()
        ):
            if not (ROOT / name).exists():
                missing.append(f"{name_of(path)}: {name}")  # noqa: PERF401
    assert missing == []
