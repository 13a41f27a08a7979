"""Records both sides of a broken link anew: `python -m tests.data.vantage.record`, as root.

The same LAN of namespaces and the same real ucarp processes as the shipped captures; here
each host captures on its own card, which is what two vantage points are.
"""

import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from captures.record.stage import Stage
from captures.record.stories import STORIES

HERE = Path(__file__).parent
STORIES_OF = {"one-way": "ucarp-one-way-link", "partition": "ucarp-partition-heal"}


class BothSides(Stage):
    """A stage with a tcpdump on every host."""

    into: Path

    def _schedule(self) -> list[tuple[float, Callable[[], None]]]:
        return [(0.0, self._listen), *super()._schedule()]

    def _listen(self) -> None:
        for host in self._story.hosts:
            argv = ["tcpdump", "-i", "eth0", "-U", "-s", "2048", "-Z", "root", "--immediate-mode"]
            argv += ["-w", str(self.into / f"{host.name}.pcap"), "ip proto 112 or arp"]
            process = subprocess.Popen(
                [*self._lan.within(host.name), *argv],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            assert process.stderr is not None
            for line in process.stderr:
                if "listening on" in line:
                    break
            self._helpers.append(process)

    def _end_processes(self) -> None:
        for helper in self._helpers:
            helper.send_signal(signal.SIGINT)
            helper.communicate(timeout=10)
        super()._end_processes()


def main() -> int:
    """Record every pair."""
    stories = {story.name: story for story in STORIES}
    for folder, name in STORIES_OF.items():
        into = HERE / folder
        into.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            stage = BothSides(replace(stories[name]), Path(scratch), threading.Event())
            stage.into = into
            stage.perform(Path(scratch) / "span.pcap")
        print(f"{folder}: {', '.join(path.name for path in sorted(into.iterdir()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
