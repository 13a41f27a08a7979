"""Records the captures of this folder from real `ucarp` and `keepalived` processes.

A story (`stories`) names hosts and timed actions. The stage (`stage`) builds a LAN of network
namespaces for it (`lan`), starts the programs (`peers`), captures what a span port would see
(`span`) and keeps what was done and logged. From that, never from the packets, follow the
labels (`truth`), and both go beside the capture (`about`).
"""
