"""Which findings are about what the configuration lists: those go before strangers' ones."""

from carpscope.config import Config
from carpscope.core.address import ip_text
from carpscope.detect.finding import Finding
from carpscope.timeline.group import group_id


def listed(finding: Finding, config: Config) -> str:
    """Return the group of the configuration that a finding is about; empty where it is about none.

    With nodes listed it has to name one of them: anybody can name the group.
    """
    for group in config.groups:
        name = group_id(group.vlan, group.vhid)
        nodes = {ip_text(address) for address in group.nodes}
        if name in finding.groups and (not nodes or not finding.nodes or nodes & {*finding.nodes}):
            return name
    return ""
