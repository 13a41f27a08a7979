"""Command lines of ucarp: in rc.local, in a script, pasted."""

from carpscope.settings import ucarp
from carpscope.settings.model import DeclaredNode, Where
from carpscope.settings.numbers import word_set
from carpscope.settings.shell import Script, Word
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.system import System, refuse

_BEFORE = word_set("exec nohup sudo setsid command then do else &")


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read every line that starts ucarp."""
    for source in files.of("ucarp.command", "freebsd.rc.local"):
        script = Script()
        for words in script.read(source.text, source.path):
            take_command(words, source, node, files)
        for path, line in script.broken:
            refuse(node, Where(path, line), "the shell refuses it: a quote does not end", "", None)


def take_command(words: list[Word], source: Source, node: DeclaredNode, files: NodeFiles) -> None:
    """Take a command, if it starts ucarp."""
    while words and words[0].value in _BEFORE:
        words = words[1:]
    # ["/usr/sbin/ucarp", …]: a variable may stand before an assignment of the line
    if not words or words[0].value.rpartition("/")[2] != "ucarp":
        return
    ucarp.take(words[1:], Where(source.path, words[0].line), source, node, files)


SYSTEM = System("ucarp", ("ucarp.command", "freebsd.rc.local"), read)
