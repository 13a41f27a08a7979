"""The entry: finds the sub-command, runs it, and turns trouble into one line.

Exit status: 0 nothing wrong, 1 findings of severity warning or above, 2 could not work,
70 a mistake of our own, 130 interrupted.
"""

import argparse
import atexit
import gc
import os
import sys
from collections.abc import Sequence

import carpscope
from carpscope.cli import commands, own_mistakes
from carpscope.cli.command import Command
from carpscope.cli.terminal import make_printable, width
from carpscope.core.errors import CarpscopeError
from carpscope.core.extras import missing
from carpscope.core.nearest import nearest
from carpscope.core.text import shown

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from typing import Any, NoReturn

DESCRIPTION = """\
Reads CARP, the protocol with which OpenBSD, FreeBSD (pfSense, OPNsense), NetBSD,
DragonFly and ucarp hosts share addresses, and says what is wrong, since when,
which node, and what to change."""

EXAMPLES = """\
examples:
  carpscope analyze office.pcap                      what can be said without any secret
  carpscope analyze office.pcap -p PASS -a 192.168.1.50,192.168.1.51
  carpscope dissect -V office.pcap | less            every field of every advertisement
  tcpdump -Uw - proto 112 | carpscope dissect -
  carpscope explain CS101                            what a finding means

`carpscope help COMMAND` tells more. Exit status: 0 nothing wrong, 1 findings,
2 could not work, 70 a mistake of carpscope itself, 130 interrupted."""


GARBAGE_AFTER = 20_000
"""Objects made and not freed before Python looks for cycles among them."""
SIGPIPE_STATUS = 128 + 13
"""What a shell reports for a program that SIGPIPE ended."""


def entry() -> None:
    """Run as a program."""
    make_printable()
    # a run keeps most of what it makes: to look for cycles every 700 objects costs a tenth of it
    gc.set_threshold(GARBAGE_AFTER)
    status = main(sys.argv[1:])
    # Python would take every object apart, only to give the system what it takes back anyway;
    # that lasts longer than decoding fifty packets. Threads would have to be waited for, though,
    # and who profiles or traces still wants to print.
    if _others_run() or sys.getprofile() is not None or sys.gettrace() is not None:
        sys.exit(status)
    atexit._run_exitfuncs()
    status = _flushed(status)
    if sys.stderr is not None:  # a shell's `2>&-`; by itself it is written line by line
        sys.stderr.flush()
    os._exit(status)


def _others_run() -> bool:
    """Tell whether there are threads or processes to wait for, or may be."""
    if "multiprocessing" in sys.modules or "concurrent.futures" in sys.modules:
        return True
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit status."""
    try:
        options = _parsed(arguments)
        status: int = options.run(options)
        sys.stdout.flush()
    except SystemExit as ended:  # --help and --version
        return _flushed(ended.code if isinstance(ended.code, int) else 2)
    except CarpscopeError as problem:
        _say(f"carpscope: {problem}")
        return _flushed(2)
    except ModuleNotFoundError as absent:
        problem_of = missing(absent)
        if problem_of is None:
            raise
        _say(f"carpscope: {problem_of}")
        return _flushed(2)
    except KeyboardInterrupt:
        _say("carpscope: interrupted")
        return _flushed(130)
    except BrokenPipeError:
        return _without_output(SIGPIPE_STATUS)
    except OSError as problem:
        if problem.errno is None:
            return _crashed(problem, arguments)
        where = f"{problem.filename}: " if problem.filename else ""
        _say(f"carpscope: {where}{problem.strerror}")
        return _without_output(2)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is our mistake
        return _crashed(problem, arguments)
    return status


def _crashed(problem: Exception, arguments: Sequence[str]) -> int:
    return _flushed(own_mistakes.crashed(problem, debug="--debug" in arguments))


def _flushed(status: int) -> int:
    try:
        sys.stdout.flush()
    except OSError:
        return _without_output(SIGPIPE_STATUS)
    return status


def _without_output(status: int) -> int:
    """Forget what nobody takes (head has seen enough, the disk is full).

    Python would try once more on its way out, and complain.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _tied(arguments: Sequence[str]) -> list[str]:
    """Tie a passphrase to its option: it may begin with a dash, which argparse refuses."""
    out: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            return [*out, argument, *waiting]
        if argument in {"-p", "--passphrase"}:
            value = next(waiting, None)
            out.append(argument if value is None else f"--passphrase={value}")
        else:
            out.append(argument)
    return out


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    arguments = _asking_for_help(arguments)
    parser = _parser(arguments)
    options, unknown = parser.parse_known_args(_tied(arguments))
    if unknown:
        raise CarpscopeError(_not_known(unknown, arguments[0], parser))
    return options


def _asking_for_help(arguments: Sequence[str]) -> Sequence[str]:
    """Turn no argument at all, and `help [COMMAND]`, into the option that asks the same."""
    if not arguments:
        return ["--help"]
    if arguments[0] != "help":
        return arguments
    return [*arguments[1:2], "--help"]


def _not_known(unknown: Sequence[str], command: str, parser: argparse.ArgumentParser) -> str:
    """Name the first option that does not exist, without its value: it may be a passphrase."""
    option = next((text for text in unknown if text.startswith("-")), None)
    if option is None:
        return f"more arguments than {command} takes (carpscope help {command})"
    bare = option.partition("=")[0] if option.startswith("--") else option[:2]
    meant = nearest(bare, _flags(parser, command)) if bare.startswith("--") else ""
    return f"{bare}: no such option{meant} (carpscope help {command})"


def _flags(parser: argparse.ArgumentParser, command: str) -> list[str]:
    """Return every long option of a command."""
    for action in parser._subparsers._group_actions if parser._subparsers else ():
        if isinstance(action.choices, dict) and command in action.choices:
            child: argparse.ArgumentParser = action.choices[command]
            return [flag for flag in child._option_string_actions if flag.startswith("--")]
    return []


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def names() -> list[str]:
    """Return the names of the sub-commands."""
    # not pkgutil: it imports inspect, which takes a quarter of the time of --help
    files = os.listdir(commands.__path__[0])  # noqa: PTH208 - pathlib takes as long again
    return sorted(file[:-3] for file in files if file.endswith(".py") and file[0] != "_")


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> "NoReturn":
        """Say it as every other mistake is said."""
        place = self.prog.removeprefix("carpscope").strip()
        raise CarpscopeError(f"{f'{place}: ' if place else ''}{message} ({self.prog} --help)")

    def _get_value(self, action: argparse.Action, arg_string: str) -> "Any":
        """Refuse an empty value: a variable that a script did not set.

        What may be empty has `type=str`: a passphrase, and what Wireshark hands over.
        """
        may_be_empty = action.type is str or "" in (action.default, action.const)
        if not arg_string and action.option_strings and not may_be_empty:
            raise argparse.ArgumentError(action, "is empty")
        return super()._get_value(action, arg_string)

    def _check_value(self, action: argparse.Action, value: str) -> None:
        """Say which command was probably meant, where argparse would list all of them."""
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            meant = nearest(value, [*action.choices, "help"])
            raise CarpscopeError(f"{shown(value)!r}: no such command{meant} (carpscope --help)")
        super()._check_value(action, value)


class _Version(argparse.Action):
    """Prints the version and which reader is used; nothing is loaded for it otherwise."""

    def __init__(self, option_strings: Sequence[str], dest: str, **others: "Any") -> None:
        """Take no argument."""
        super().__init__(option_strings, dest, nargs=0, **others)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print, and end."""
        from carpscope.core.native import kind

        print(f"carpscope {carpscope.__version__} ({kind()})")
        parser.exit()


class _Help(argparse.RawDescriptionHelpFormatter):
    """Prints text as it is written here, as wide as the terminal."""

    def __init__(self, prog: str) -> None:
        # argparse would ask shutil, which imports every compression there is
        super().__init__(prog, max_help_position=26, width=min(width(), 100) - 2)


def _load(name: str) -> Command:
    module = __import__(f"carpscope.cli.commands.{name}", fromlist=["COMMAND"])
    command: Command = module.COMMAND
    return command


def whole_parser() -> argparse.ArgumentParser:
    """Build the parser with every option of every command: for man pages and completions."""
    return _parser([], every=True)


def _parser(arguments: Sequence[str], *, every: bool = False) -> argparse.ArgumentParser:
    """Build the parser; where the command is named, only its own module is loaded."""
    # No abbreviations: `--pass=TEXT` would be ambiguous and the complaint quote the text.
    parser = _Parser(
        "carpscope",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action=_Version, help="say which this is, and exit")
    known = names()
    wanted = [arguments[0]] if arguments and arguments[0] in known else known
    metavar = "COMMAND"
    sub = parser.add_subparsers(title="commands", metavar=metavar, required=True)
    for name in wanted:
        command = _load(name)
        child = sub.add_parser(
            command.name,
            help=command.summary,
            description=command.description,
            epilog=f"examples:\n{command.examples}",
            formatter_class=_Help,
            allow_abbrev=False,
        )
        if every or len(wanted) == 1:
            command.configure(child)
            child.add_argument("--debug", action="store_true", help="tracebacks of our mistakes")
        child.set_defaults(run=command.run)
    return parser
