"""Three lines for a notebook; run where captures/ lies. docs/api.md has the rest."""

import carpscope

found = carpscope.analyze(["captures/ucarp-failover/capture.pcap"])
print(found.status, *(f"{e.label} {e.duration_s:.1f} s" for e in found.events), sep="\n")
