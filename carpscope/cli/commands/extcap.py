"""`carpscope extcap`: Wireshark captures by carpscope, and shows what it says of each frame."""

import argparse
import sys

from carpscope.cli.command import Command
from carpscope.core.errors import CarpscopeError

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "carpscope"
"""Of the interface, and of the program that Wireshark starts."""
WHAT = "CARP, with what carpscope says of it"

EXAMPLES = """\
  carpscope extcap --install                 then Wireshark lists the interface carpscope
  carpscope extcap --install DIR             for a DIR that Help > About Wireshark > Folders names
  tshark -i carpscope -o extcap.carpscope.interface:eth1 -T fields -e frame.comment"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add(
        "--install",
        nargs="?",
        const="",
        metavar="DIR",
        help="put a program for Wireshark into its folder of such, as tshark names it, or DIR",
    )
    asked = parser.add_argument_group("what Wireshark asks")
    add = asked.add_argument
    add("--extcap-interfaces", action="store_true", help="which interfaces there are")
    add("--extcap-version", type=str, metavar="VERSION", help="who asks")
    add("--extcap-interface", type=str, metavar="NAME", help="about which one")
    add("--extcap-dlts", action="store_true", help="which link types it has")
    add("--extcap-config", action="store_true", help="what can be chosen")
    add("--extcap-reload-option", type=str, metavar="OPTION", help="what of it anew")
    add("--capture", action="store_true", help="capture")
    add("--fifo", type=str, metavar="PATH", help="where to")
    add("--extcap-capture-filter", type=str, metavar="EXPR", help="a filter in tcpdump's language")
    chosen = parser.add_argument_group("what is chosen in Wireshark")
    add = chosen.add_argument
    add(
        "--interface",
        type=str,
        metavar="IF",
        help="as -i of live; ssh://USER@HOST/IF: on another host",
    )
    add("--passphrase-file", type=str, metavar="FILE", help="as of live")
    add("--address", type=str, metavar="ADDR[,ADDR…]", help="as of live")
    add("--config", type=str, metavar="FILE", help="carpscope.toml, as of live")


def run(options: argparse.Namespace) -> int:
    """Answer what Wireshark asks, or install what it starts."""
    if options.install is not None:
        return _install(options.install)
    if options.extcap_interfaces:
        import carpscope

        print(f"extcap {{version={carpscope.__version__}}}{{display={NAME}}}")
        print(f"interface {{value={NAME}}}{{display={WHAT}}}")
        return 0
    if options.extcap_interface not in (None, NAME):
        raise CarpscopeError(f"--extcap-interface: there is only {NAME}")
    if options.extcap_dlts:
        print("dlt {number=1}{name=EN10MB}{display=What the interface has}")
        return 0
    if options.extcap_config:
        print("\n".join(_arguments()))
        return 0
    if options.capture:
        return _capture(options)
    raise CarpscopeError("--install installs it; the rest is what Wireshark asks")


def _arguments() -> "Iterator[str]":
    """Give what Wireshark lets people choose."""
    yield (
        "arg {number=0}{call=--interface}{display=Interface}{type=string}{required=true}"
        "{tooltip=As eth1 of this host (carpscope live -D lists them), or ssh://root@fw1/em0}"
    )
    yield (
        "arg {number=1}{call=--passphrase-file}{display=Passphrases}{type=fileselect}"
        "{mustexist=true}{tooltip=A file with one a line, that nobody else may read}"
    )
    yield (
        "arg {number=2}{call=--address}{display=Shared addresses}{type=string}"
        "{tooltip=192.0.2.10,2001:db8::10}"
    )
    yield (
        "arg {number=3}{call=--config}{display=carpscope.toml}{type=fileselect}{mustexist=true}"
        "{tooltip=Passphrases and names of nodes}"
    )


def _capture(options: argparse.Namespace) -> int:
    """Do what `live` does, and write what Wireshark reads."""
    from contextlib import suppress

    import carpscope
    from carpscope.cli import liveoptions
    from carpscope.cli.commands import live
    from carpscope.live.commented import Commented

    if not options.fifo or not options.interface:
        raise CarpscopeError("--capture needs --fifo and --interface")
    words = ["-q", "-i", options.interface]
    for name in ("passphrase_file", "address", "config"):
        if value := getattr(options, name):
            words += [f"--{name.replace('_', '-')}={value}"]
    if options.extcap_capture_filter:
        words += [f"--filter={options.extcap_capture_filter}"]
    parser = argparse.ArgumentParser(prog=f"carpscope {NAME}")
    liveoptions.configure(parser)
    asked = parser.parse_args(words)
    asked.debug = options.debug
    try:
        stream = open(options.fifo, "wb")  # noqa: SIM115, PTH123 - as who is started: live gives up its rights
    except OSError as problem:
        raise CarpscopeError(f"--fifo {options.fifo}: {problem.strerror}") from None
    status = 0
    with suppress(BrokenPipeError), stream:
        asked.companion = Commented(stream, f"carpscope {carpscope.__version__}")
        status = live.run(asked)
    return 0 if status in (0, 1) else 2


def _install(folder: str) -> int:
    """Write the program that Wireshark starts."""
    import shlex
    from pathlib import Path

    target = (Path(folder) if folder else _folder()) / NAME
    text = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m carpscope extcap "$@"\n'
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755)
    except OSError as problem:
        raise CarpscopeError(
            f"{target}: {problem.strerror} — carpscope extcap --install DIR takes another folder,"
            " which WIRESHARK_EXTCAP_DIR names to Wireshark"
        ) from None
    print(f"{target}: Wireshark lists the interface {NAME} when it is started again")
    return 0


def _folder() -> "Path":
    """Return where Wireshark looks, the person's own folder first."""
    import re
    import subprocess
    from pathlib import Path

    try:
        done = subprocess.run(
            ["tshark", "-G", "folders"], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        raise CarpscopeError(
            "tshark, which knows the folder, cannot be asked: carpscope extcap --install DIR"
        ) from None
    for name in ("Personal Extcap path", "Extcap path", "Global Extcap path"):
        if found := re.search(rf"^{name}:\s*(\S.*)$", done.stdout, re.MULTILINE | re.IGNORECASE):
            return Path(found[1])
    raise CarpscopeError("tshark names no folder: carpscope extcap --install DIR")


COMMAND = Command(
    "extcap",
    "let Wireshark capture by carpscope",
    "Wireshark (and tshark) list an interface `carpscope` once this is installed: they capture\n"
    "by it, and every advertisement has a comment, as annotate writes it afterwards, with what\n"
    "was found and happened meanwhile. It captures as whoever started Wireshark may.",
    EXAMPLES,
    configure,
    run,
)
