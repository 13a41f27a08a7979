"""How fast a three-node group is simulated; one and ten hours, so that growth would show.

The unit is a Python that imports what the simulation needs and does nothing.
"""

import sys

from tests.bench.measure import Command, Subject

_RUN = """
import dataclasses, sys, time
from carpscope.sim import library
from carpscope.sim.world import World
seconds = int(sys.argv[1])
scenario = dataclasses.replace(library.example("three-nodes"), duration=seconds * 10**9, events=())
start = time.process_time()
World(scenario).run()
taken = time.process_time() - start
print(f"    {seconds} s simulated in {taken:.2f} s: {seconds / taken:,.0f} x real time",
      file=sys.stderr)
"""

_IMPORT = "import carpscope.sim.library, carpscope.sim.world"


def _simulation() -> Subject:
    return Subject(
        "simulation of three nodes",
        (
            Command("import alone", (sys.executable, "-c", _IMPORT)),
            Command("one hour", (sys.executable, "-c", _RUN, "3600")),
            Command("ten hours", (sys.executable, "-c", _RUN, "36000")),
        ),
        rounds=5,
        shows=True,
    )


SUBJECTS = {"simulation": _simulation}
