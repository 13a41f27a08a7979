"""From batches of packets to trains of advertisements."""
