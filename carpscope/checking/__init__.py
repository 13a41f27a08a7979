"""`carpscope check`: files of nodes to findings and a proof."""
