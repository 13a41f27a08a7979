"""Which kind a file is: by its content; its name decides between equals."""

import re

from carpscope.core.errors import CarpscopeError
from carpscope.settings.source import Source
from carpscope.settings.xml import root_tag

_FLAGS = re.M
_IFCONFIG = re.compile(r"^(?:[A-Za-z][\w.:-]*: flags=|[a-z]\w*: carp demote count [0-9])", _FLAGS)
_RC_CONF = re.compile(
    r"^[ \t]*(?:(?:ipv6_)?ifconfig_[A-Za-z0-9_]+|cloned_interfaces|vlans_[a-z0-9_]+|kld_list"
    r"|hostname|defaultrouter|[a-z0-9_]+_enable)=",
    _FLAGS,
)
_INTERFACE = re.compile(r"^[ \t]*(?:ifconfig_[A-Za-z0-9_]+|cloned_interfaces)=", _FLAGS)
_CARPDEV = re.compile(r"^[ \t]*ifconfig_[A-Za-z0-9_]+=(?:.*|\"[^\"]*|'[^']*)\bcarpdev\b", _FLAGS)
_DEBIAN = re.compile(
    r"^[ \t]*(?:iface[ \t]+\S+[ \t]+inet6?\b|auto[ \t]|source(?:-directory)?[ \t])", _FLAGS
)
_SYSTEMD = re.compile(r"^[ \t]*(?:ExecStart[ \t]*=|\[(?:Service|Unit)\])", _FLAGS)
_UCARP = re.compile(
    r"^[ \t]*(?:(?:sudo|exec|nohup|setsid)[ \t]+)*(?:[\w./-]*/)?ucarp[ \t]+-", _FLAGS
)
_FEDORA = re.compile(r"^[ \t]*(?:BIND_INTERFACE|VIP_ADDRESS|PASSFILE|SOURCE_ADDRESS)=", _FLAGS)
_KEEPALIVED = re.compile(r"^[ \t]*(?:vrrp_instance|global_defs|vrrp_script)\b", _FLAGS)
_SYSCTL = re.compile(
    r"^[ \t]*(?:net|kern|vm|hw|security|dev|ddb|machdep|fs|vfs)\.[\w.]+[ \t]*(?:=|:[ \t])",
    _FLAGS,
)
_PF = re.compile(r"^[ \t]*(?:pass|block|set[ \t]+skip|scrub|anchor|antispoof|match)\b", _FLAGS)
_LOADER = re.compile(r"^[ \t]*[a-z0-9_]+_load=", _FLAGS)
_DRAGONFLY = re.compile(r"^(?![ \t]*#).*?\b(vhaddr)\b", _FLAGS)
_LEADING_INET = re.compile(r"^[ \t]*inet6?[ \t]", _FLAGS)
_CREATE = re.compile(r"^[ \t]*create\b", _FLAGS)
_COMMAND = re.compile(r"^[ \t]*(?:/sbin/)?ifconfig[ \t]", _FLAGS)

_BY_CONTENT: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ifconfig", _IFCONFIG),
    ("freebsd.rc.conf", _INTERFACE),
    ("debian.interfaces", _DEBIAN),
    ("systemd.unit", _SYSTEMD),
    ("ucarp.command", _UCARP),
    ("fedora.vip", _FEDORA),
    ("keepalived.conf", _KEEPALIVED),
    ("sysctl.conf", _SYSCTL),
    ("pf.conf", _PF),
    ("freebsd.loader.conf", _LOADER),
)


def kind_of(source: Source, *, openbsd: bool = False) -> str:
    """Return a file's kind; CarpscopeError where it is none, or fits two."""
    text, name = source.text, source.name
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        root = root_tag(source.data, source.path)
        if root in ("opnsense", "pfsense"):
            return f"{root}.config.xml"
        raise CarpscopeError(f"{source.path}:1: XML, but neither <opnsense> nor <pfsense>")
    dragonfly = _DRAGONFLY.search(text)
    if dragonfly is not None:
        line = text.count("\n", 0, dragonfly.start(1)) + 1
        raise CarpscopeError(f"{source.path}:{line}: `vhaddr` is of DragonFly, which is not read")
    named = _by_name(source, openbsd=openbsd)
    if named:
        return named
    fits = [kind for kind, pattern in _BY_CONTENT if pattern.search(text)]
    if "freebsd.rc.conf" in fits and _CARPDEV.search(text):
        fits[fits.index("freebsd.rc.conf")] = "netbsd.rc.conf"
    if "systemd.unit" in fits and "ucarp.command" in fits:
        fits.remove("ucarp.command")
    if "sysctl.conf" in fits and "freebsd.loader.conf" in fits:
        fits.remove("sysctl.conf" if "loader" in name else "freebsd.loader.conf")
    if len(fits) > 1:
        raise CarpscopeError(f"{source.path}:1: fits two kinds: {fits[0]} and {fits[1]}")
    if fits:
        return fits[0]
    if "carpdev" in text or _CREATE.search(text):
        if _CREATE.search(text):
            return "netbsd.ifconfig.if"
        if _LEADING_INET.search(text) or "vhid" in text:
            return "openbsd.hostname.if"
    if _RC_CONF.search(text):
        return "freebsd.rc.conf"
    raise CarpscopeError(f"{source.path}:1: no configuration that is known here")


def _by_name(source: Source, *, openbsd: bool) -> str:
    """Return what a name says where content leaves it open."""
    text, name, relative = source.text, source.name, source.relative
    if re.fullmatch(r"hostname\.[a-z]+[0-9]+", name):
        return "openbsd.hostname.if"
    if re.fullmatch(r"ifconfig\.[a-z]+[0-9]+", name) and not _IFCONFIG.search(text):
        return "netbsd.ifconfig.if"
    if re.fullmatch(r"start_if\..+", name):
        return "freebsd.start_if"
    if name == "rc.local":
        return "freebsd.rc.local"
    if name in ("rc.conf", "rc.conf.local") or "rc.conf.d/" in relative:
        if openbsd and not _INTERFACE.search(text):
            return "openbsd.rc.conf"
        return "netbsd.rc.conf" if _CARPDEV.search(text) else "freebsd.rc.conf"
    exact = {
        "loader.conf": "freebsd.loader.conf",
        "sysctl.conf": "sysctl.conf",
        "pf.conf": "pf.conf",
        "keepalived.conf": "keepalived.conf",
    }
    if name in exact:
        return exact[name]
    if relative == "network/interfaces" or "interfaces.d/" in relative:
        return "debian.interfaces"
    if re.fullmatch(r"vip-(?:[0-9]+|common)\.conf", name):
        return "fedora.vip"
    if relative.startswith("systemd/system/"):
        return "systemd.unit"
    return ""


__all__ = ["kind_of"]
