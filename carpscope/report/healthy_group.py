"""What is said of a group without findings: who is MASTER, and what a backup would do."""

from rich.text import Text

from carpscope.config import Config
from carpscope.core.units import SECOND
from carpscope.detect.words import priority
from carpscope.report.roster import name, signs
from carpscope.timeline import traits
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.mastership import is_master
from carpscope.timeline.node import Node


def words(group: Group, master: Node, config: Config) -> Text:
    """Say who is MASTER, what it advertises and signs, and how regularly."""
    several = len(group.members) > 1
    state = "MASTER" if is_master(master) else "was MASTER"
    whole = not several and len(master.master_periods) == 1 and is_master(master)
    words = Text(f"{name(master, config)} {state}{' throughout' if whole else ''}", "bold")
    about = [identify(master).text, f"advertises {priority(master)}"]
    if master.intervals:
        mean = sum(master.intervals) / len(master.intervals) / 1e9
        spread = (max(master.intervals) - min(master.intervals)) / 2e6
        about.append(f"every {mean:.3f} s ± {spread:.1f} ms")
    if not several:
        about.append(f"signs {signs(master, config).plain}")
    return words.append(f" ({', '.join(about)})", style="not bold")


def takeover(master: Node) -> str:
    """Say how long a backup of the same kind would wait, whatever its advskew."""
    if not 0 < master.advbase < 255:
        return ""
    first, last = traits.backups(master)
    return f"; it would take over after {first / SECOND:.1f}–{last / SECOND:.1f} s of silence"
