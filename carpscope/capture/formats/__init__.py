"""One file a format beside pcap and pcapng: `FORMAT`, found by its folder."""
