"""Our readers beside the systems' own: sh, mksh and PHP read the same random texts.

What rc and netstart do with a text is written down here once more as a few lines of the
shell that they are scripts of, with a stub for ifconfig that prints its words.
"""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from carpscope.settings.configxml import gui_key
from carpscope.settings.model import UNKNOWN, DeclaredNode
from carpscope.settings.shell import Script, evaluated
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.systems.freebsd import _Reader
from carpscope.settings.systems.openbsd import command, joined, nothing
from carpscope.settings.xml import parse

TEXTS = 200
PIECES = (
    "inet", "alias", "192.0.2.1", "255.255.255.0", "NONE", "vhid", "1", "pass", "a-b", "quiet",
    "'x y'", '"x y"', "\\n", "oak\\ tree", "#", "x#y", "up", '"', "'", "\\'", '\\"', "192.0.2.1/24",
    "carpdev", "em0", "192.0.2.1-3/32", "--", "cold-iron", ";", "x;y", "=", "$known",
    "${known}", "inet6", "2001:db8::1",
)  # fmt: skip


def texts(seed: int, count: int = TEXTS) -> list[str]:
    chance = random.Random(seed)
    return [
        " ".join(chance.choice(PIECES) for _ in range(chance.randint(1, 9))) for _ in range(count)
    ]


def lines_of(program: str, script: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "script"
    path.write_text(script)
    done = subprocess.run(
        [program, str(path)], capture_output=True, check=False, timeout=60, cwd=tmp_path
    )
    return done.stdout.decode("utf-8", "replace").split("\n")


@pytest.mark.parametrize("shell", ["dash", "bash", "mksh"])
def test_assignments_are_those_of_a_shell(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    script = ["known='k k'"]
    expected: list[tuple[str, str | None]] = []
    for number, text in enumerate(texts(1)):
        for quoted in (f'"{text}"', f"'{text}'", text.replace(" ", "\\ ")):
            mine = Script()
            mine.read(f"known='k k'\nv={quoted}\n", "rc.conf")
            value = mine.lookup("v")
            if mine.broken or value is None or UNKNOWN in value:
                value = None
            path = tmp_path / f"v{number}-{len(expected)}"
            path.write_text(f"v={quoted}\n")
            script.append(f"(. {path} 2>/dev/null >&2; printf '%s' \"$v$v\") 2>/dev/null; echo '|'")
            expected.append((quoted, value))
    script.append("echo end")
    found = lines_of(shell, "\n".join(script), tmp_path)
    told = "\n".join(found).split("|\n")
    assert len(told) == len(expected) + 1
    for (quoted, value), theirs in zip(expected, told, strict=False):
        if value is not None and "; " not in quoted and ";" not in quoted:
            # a syntax error ends the shell: no output, and ours told it as well
            assert theirs in ("", value * 2), quoted


NETSTART = r"""
set +o sh 2>/dev/null
ifconfig() { local w; for w; do print -rn -- "<$w>"; done; print; }
parse() {
    local _af=0 _name=1 _mask=2 _bc=3 _prefix=2 _c
    set -A _c -- "$@"
    set -o noglob
    case ${_c[_af]} in
    ''|*([[:blank:]])'#'*) return ;;
    inet) ((${#_c[*]} > 1)) || return
        [[ ${_c[_name]} == alias ]] && _mask=3 _bc=4
        [[ -n ${_c[_mask]} ]] && _c[_mask]="netmask ${_c[_mask]}"
        if [[ -n ${_c[_bc]} ]]; then
            _c[_bc]="broadcast ${_c[_bc]}"
            [[ ${_c[_bc]} == *NONE ]] && _c[_bc]=
        fi
        cmd="ifconfig ${_c[@]}" ;;
    inet6) ((${#_c[*]} > 1)) || return
        [[ ${_c[_name]} == alias ]] && _prefix=3
        [[ -n ${_c[_prefix]} ]] && _c[_prefix]="prefixlen ${_c[_prefix]}"
        cmd="ifconfig ${_c[@]}" ;;
    *) cmd="ifconfig ${_c[@]}" ;;
    esac
}
set -o noglob
while IFS= read _line; do
    cmd=
    parse $_line
    print -r -- "[$(eval "$cmd" 2>/dev/null)]"
done <lines
"""


def test_hostname_if_is_what_netstart_makes_of_it(tmp_path: Path) -> None:
    if shutil.which("mksh") is None:
        pytest.skip("needs mksh")
    given = [t for t in texts(2) if not t.endswith("\\") and "$" not in t and ";" not in t]
    (tmp_path / "lines").write_text("\n".join(given) + "\n")
    theirs = [line for line in lines_of("mksh", NETSTART, tmp_path) if line]
    mine = []
    for _, line in joined("\n".join(given) + "\n"):
        words = line.split()
        text = command(words) if words and not words[0].startswith("#") else None
        commands = [] if text is None else evaluated(text, nothing)
        mine.append(
            "[" + "".join(f"<{word.value}>" for word in commands[:1][0]) + "]" if commands else "[]"
        )
    assert len(mine) == len(theirs)
    assert [pair for pair in zip(given, mine, theirs, strict=True) if pair[1] != pair[2]] == []


ALIASES = r"""
ifconfig() { for w; do printf '<%s>' "$w"; done; echo; }
handler() {
    local _args _c _tmpargs; _args=$*
    case $_args in "inet "*) ;; *) return ;; esac
    _tmpargs=
    for _c in $_args; do
        case $_c in
        inet) case $_tmpargs in "inet "*) ifconfig $_tmpargs ;; esac; _tmpargs=inet ;;
        *) _tmpargs="$_tmpargs $_c" ;;
        esac
    done
    case $_tmpargs in "inet "*) ifconfig $_tmpargs ;; esac
}
common() {
    local _tmpargs _c; _tmpargs=
    for _c in $*; do
        case $_c in
        inet|inet6|link|ether)
            case $_tmpargs in "inet "*) eval handler $_tmpargs ;; esac
            _tmpargs=$_c ;;
        *) _tmpargs="$_tmpargs $_c" ;;
        esac
    done
    case $_tmpargs in "inet "*) handler $_tmpargs ;; esac
}
set -f
"""


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_aliases_are_what_rc_makes_of_them(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    chance = random.Random(3)
    plain = [p for p in PIECES if not set(p) & set(";$#~\\-=") and p != "inet6"]
    # a lone quote inside eval ends dash altogether, and in bash only the call
    plain = [p for p in plain if shell == "bash" or p not in ("'", '"')]
    given = []
    for _ in range(TEXTS):
        size = chance.randint(1, 3)
        given.append(
            " ".join(
                "inet " + " ".join(chance.choice(plain) for _ in range(chance.randint(1, 6)))
                for _ in range(size)
            )
        )
    script = [ALIASES]
    mine = []
    for number, text in enumerate(given):
        path = tmp_path / f"a{number}"
        path.write_text(text)
        script.append(f"(common $(cat {path})) 2>/dev/null; echo '|'")
        source = Source("rc.conf", "rc.conf", b"", None, text="", kind="freebsd.rc.conf")
        reader = _Reader(NodeFiles("fw1", is_named=True, sources=[source]), DeclaredNode("fw1"))
        reader.configs["rc.conf"] = source
        reader.script.read("ifconfig_em0_aliases='x'\n", "rc.conf")
        variable = reader.script.variables["ifconfig_em0_aliases"]
        variable.value = text
        pieces = reader._aliases("em0", "em0", "inet")
        mine.append("".join("".join(f"<{w.value}>" for w in p.words) + "\n" for p in pieces))
    theirs = "\n".join(lines_of(shell, "\n".join(script), tmp_path)).split("|\n")
    wrong = [t for t in zip(given, mine, theirs, strict=False) if t[1] != t[2]]
    assert wrong == []


def test_a_gui_key_is_what_php_makes_of_it(tmp_path: Path) -> None:
    if shutil.which("php") is None:
        pytest.skip("needs php")
    given = [text.replace("&", "") for text in texts(4)]
    names = []
    for number, text in enumerate(given):
        (tmp_path / f"p{number}").write_text(text)
        names.append(f"p{number}")
    code = "<?php foreach ([" + ",".join(f"'{n}'" for n in names) + "] as $n) { $p = "
    code += "file_get_contents($n); echo substr(addslashes(str_replace(' ', '', $p)), 0, 19), "
    code += '"|\\n"; }'
    path = tmp_path / "script.php"
    path.write_text(code)
    done = subprocess.run(
        ["php", str(path)], capture_output=True, check=True, timeout=60, cwd=tmp_path
    )
    theirs = done.stdout.decode().split("|\n")
    for text, their in zip(given, theirs, strict=False):
        vip = parse(b"<vip><password/></vip>", "config.xml")
        vip.children[0].parts.append(text)
        key = gui_key(vip, Source("config.xml", "config.xml", b"", None))
        assert key is not None
        assert key.octets == their.encode()
