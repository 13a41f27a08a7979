"""Files of nodes to what they declare."""

from collections.abc import Sequence

from carpscope.core.errors import CarpscopeError
from carpscope.settings.model import DeclaredNode
from carpscope.settings.source import NodeFiles
from carpscope.settings.system import systems


def read_node(files: NodeFiles) -> DeclaredNode:
    """Let every system that has files here read them."""
    node = DeclaredNode(files.name)
    if files.system is not None:
        node.profile = files.system
        node.because.append("--system")
    kinds = {source.kind for source in files.sources}
    # a packet filter is read last: it asks for the interfaces
    for system in sorted(systems(), key=lambda one: (one.name == "pf", one.name)):
        if kinds & set(system.kinds):
            system.read(files, node)
    return node


def read_nodes(nodes: Sequence[NodeFiles]) -> list[DeclaredNode]:
    """Read every node; CarpscopeError where no file holds a vhid."""
    found = [read_node(files) for files in nodes]
    if not any(node.vhids or node.troubles for node in found):
        kinds = sorted({source.kind for files in nodes for source in files.sources})
        raise CarpscopeError(f"no vhid in any of the files ({', '.join(kinds)})")
    return found
