"""A program called when a finding is opened, updated or closed (`report.sinks.command`)."""

from carpscope.report.sink_kind import SinkKind
from carpscope.report.sinks.command import OnFinding

SINK = SinkKind(
    "on-finding", "CMD", "run CMD CODE ACTION SEVERITY VHID@INTERFACE, event on stdin", OnFinding
)
