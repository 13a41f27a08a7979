"""`make docs`: the table of all metrics, from the table that they are exposed by."""

import sys
from pathlib import Path

from carpscope.report.metrics import GROUPS_SHOWN, METRICS, NODES_SHOWN, VIPS_SHOWN, Metric

TARGET = Path(__file__).parents[1] / "docs" / "metrics.md"
INTRO = f"""\
<!-- Written by `make docs` from carpscope/report/metrics.py; edit that. -->

# Metrics

`carpscope live --metrics ADDR:PORT` exposes these at `/metrics`, as OpenMetrics or in Prometheus'
older text format, whichever is asked for. What is not known has no value: a group on an interface
that is down, the HMACs of a node where no passphrase was supplied.

`group` is the group's name (`vlan10/vhid1`), `vhid` its number, `vip` the shared addresses that are
known (signed, listed in the configuration or announced), joined by commas, {VIPS_SHOWN} at most. A
series gets another `vip` when an address becomes known, so aggregate by `group` and `vhid` over
long times. {GROUPS_SHOWN} groups and {NODES_SHOWN} nodes of each have labels; the rest is counted.
Of a state set every state has a series, 1 for the one that is so. Counters begin at 0 with each
start.

[contrib/carpscope.rules.yml](contrib/carpscope.rules.yml) alerts on them (our tests run `promtool
test rules`, and a Prometheus 2.42 with it), [contrib/grafana.json](contrib/grafana.json) draws
them.

| metric | type | labels | what |
|---|---|---|---|
"""


def row(metric: Metric) -> str:
    """Give one line of the table."""
    name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    states = ", ".join(f"`{state}`" for state in metric.states)
    if states:
        labels = ", ".join(filter(None, (labels, f"`{name}` = {states}")))
    kind = "state set" if states else metric.kind
    return f"| `{name}` | {kind} | {labels} | {metric.help} |\n"


def text() -> str:
    """Give the page."""
    return INTRO + "".join(map(row, METRICS.values()))


def main() -> int:
    """Write it where it changed."""
    if not TARGET.exists() or TARGET.read_text() != text():
        TARGET.write_text(text())
        print(TARGET.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
