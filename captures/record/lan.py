"""A LAN of network namespaces: one for the switch, one for each host, nothing outside them.

    host A: eth0 ── portA ┐
    host B: eth0 ── portB ┤ bridge0        span0 ── span1   (captured)
                          └ every frame that enters a port is also copied to span0

The copy is made where a frame enters the switch, so the span shows each frame once, as it was sent,
also when the switch then drops it on its way to one receiver (`cut`). That is what the span port
of a real switch shows and what a capture on a receiver's side would hide.

A host in a VLAN sits behind an access port (`access`), which puts the tag on and takes it off:

    host C: eth0 ── portC ─(access)─ insideC ── trunkC ┐ bridge0
"""

import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from captures.record.plan import Host

_NUMBER_LOCK = threading.Lock()
_numbers = iter(range(1, 1 << 30))


def run(*argv: str, feed: str | None = None) -> None:
    """Run a system tool; what it complained about is in the error."""
    done = subprocess.run(argv, input=feed, capture_output=True, text=True, check=False, timeout=20)
    if done.returncode:
        complaint = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(f"{' '.join(argv)}: {complaint[0] if complaint else done.returncode}")


class Lan:
    """The namespaces of one story; leaving the `with` block removes them whatever happened."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        with _NUMBER_LOCK:
            number = next(_numbers)
        # The process id and a number keep recordings that run at the same time apart.
        self._prefix = f"carprec-{os.getpid()}-{number}"
        self._made: list[str] = []
        self._access: list[subprocess.Popen[bytes]] = []
        self._hosts = {host.name: host for host in hosts}
        self.switch = f"{self._prefix}-switch"

    def __enter__(self) -> "Lan":
        try:
            self._build_switch()
            for number, host in enumerate(self._hosts.values(), start=1):
                self._attach(host, number)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def within(self, host: str) -> list[str]:
        """The words before a command that make it run on a host."""
        return ["ip", "netns", "exec", self.namespace(host)]

    def namespace(self, host: str) -> str:
        return f"{self._prefix}-{host}"

    def mac(self, host: str) -> str:
        """Fixed by the place in the story, so that a re-recorded capture differs less."""
        return f"02:00:00:00:00:{list(self._hosts).index(host) + 1:02x}"

    def cut(self, sender: str, receiver: str) -> None:
        self._change_cut("add", sender, receiver)

    def heal(self, sender: str, receiver: str) -> None:
        self._change_cut("delete", sender, receiver)

    def link(self, host: str, *, up: bool) -> None:
        run("ip", "-n", self.namespace(host), "link", "set", "eth0", "up" if up else "down")

    def drop_address(self, host: str, address: str) -> None:
        """Take a virtual address off a host whose program died before it could."""
        argv = ["ip", "-n", self.namespace(host), "addr", "del", f"{address}/32", "dev", "eth0"]
        subprocess.run(argv, capture_output=True, check=False, timeout=20)

    def close(self) -> None:
        for process in self._access:
            process.kill()
            process.wait()
        self._access.clear()
        for namespace in reversed(self._made):
            # A namespace lives on while a process is in it: end those that were left behind.
            listed = subprocess.run(
                ["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False
            )
            for pid in listed.stdout.split():
                subprocess.run(["kill", "-KILL", pid], capture_output=True, check=False)
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
        self._made.clear()

    def _add_namespace(self, name: str) -> None:
        run("ip", "netns", "add", name)
        self._made.append(name)

    def _build_switch(self) -> None:
        self._add_namespace(self.switch)
        within = ["ip", "netns", "exec", self.switch]
        # A switch says nothing by itself: without this its ports would send IPv6 solicitations.
        for scope in ("all", "default"):
            setting = f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"
            run(*within, "sh", "-c", f"test ! -e {setting} || echo 1 > {setting}")
        ip = ["ip", "-n", self.switch, "link"]
        # No snooping: a group nobody joined is flooded, as link-local groups always are.
        run(*ip, "add", "bridge0", "type", "bridge", "mcast_snooping", "0")
        run(*ip, "add", "span0", "type", "veth", "peer", "name", "span1")
        for device in ("lo", "bridge0", "span0", "span1"):
            run(*ip, "set", device, "up")
        rules = """
            table bridge lan {
                set cuts { type ifname . ifname; }
                chain forward {
                    type filter hook forward priority 0;
                    iifname . oifname @cuts drop
                }
            }
        """
        run(*within, "nft", "-f", "-", feed=rules)

    def _attach(self, host: Host, number: int) -> None:
        namespace = self.namespace(host.name)
        self._add_namespace(namespace)
        port = f"port{number}"
        run(
            *["ip", "link", "add", "eth0", "netns", namespace, "address", self.mac(host.name)],
            *["type", "veth", "peer", "name", port, "netns", self.switch],
        )
        run("ip", "-n", self.switch, "link", "set", port, "up")
        if host.tags:
            port = self._add_access_port(host, number, port)
        run("ip", "-n", self.switch, "link", "set", port, "master", "bridge0", "up")
        tc = ["tc", "-n", self.switch]
        run(*tc, "qdisc", "add", "dev", port, "clsact")
        run(
            *[*tc, "filter", "add", "dev", port, "ingress", "protocol", "all"],
            *["u32", "match", "u32", "0", "0"],
            *["action", "mirred", "egress", "mirror", "dev", "span0"],
        )
        ip = ["ip", "-n", namespace]
        run(*ip, "link", "set", "lo", "up")
        run(*ip, "addr", "add", f"{host.address}/24", "dev", "eth0")
        run(*ip, "link", "set", "eth0", "up")
        if host.ttl is not None:
            rules = f"""
                table netdev mangle {{
                    chain out {{
                        type filter hook egress device eth0 priority 0;
                        ip protocol 112 ip ttl set {host.ttl}
                    }}
                }}
            """
            run(*self.within(host.name), "nft", "-f", "-", feed=rules)

    def _add_access_port(self, host: Host, number: int, port: str) -> str:
        from captures.record.access import command  # noqa: PLC0415 - also run as a program

        inside, trunk = f"inside{number}", f"trunk{number}"
        ip = ["ip", "-n", self.switch, "link"]
        run(*ip, "add", inside, "type", "veth", "peer", "name", trunk)
        run(*ip, "set", inside, "up")
        argv = ["ip", "netns", "exec", self.switch, *command(port, inside, host.tags)]
        process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, cwd=Path.cwd(), start_new_session=True
        )
        self._access.append(process)
        assert process.stdout is not None
        if not process.stdout.readline():  # it says one line when it forwards
            raise RuntimeError(f"the access port of {host.name} did not start")
        return trunk

    def _change_cut(self, verb: str, sender: str, receiver: str) -> None:
        pair = f'"{self._port(sender)}" . "{self._port(receiver)}"'
        within = ["ip", "netns", "exec", self.switch]
        run(*within, "nft", verb, "element", "bridge", "lan", "cuts", f"{{ {pair} }}")

    def _port(self, host: str) -> str:
        """The bridge port a host's frames come in by."""
        number = list(self._hosts).index(host) + 1
        return f"trunk{number}" if self._hosts[host].tags else f"port{number}"
