"""Performs a story: builds its LAN, does what it says when it says so, and keeps a chronicle."""

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from captures.record import caller, intruder
from captures.record.lan import Lan
from captures.record.peers import Peer, start_peers, write_scripts
from captures.record.plan import (
    Action,
    Attack,
    Call,
    Chronicle,
    Cut,
    Host,
    Kill,
    Micros,
    Moment,
    Reconfigure,
    Split,
    Start,
    Story,
)
from captures.record.span import Span

_HEAD_START_S = 6.0
"""An attacker listens this long before it attacks: long enough to hear a master."""


class StoppedError(Exception):
    """Somebody wants the recording to end."""


class Stage:
    """A story while it is being performed. Everything it started ends when `perform` returns."""

    def __init__(self, story: Story, folder: Path, stop: threading.Event) -> None:
        self._story = story
        self._folder = folder
        self._stop = stop
        self._moments: list[Moment] = []
        self._peers: dict[str, list[Peer]] = {}
        self._helpers: list[subprocess.Popen[str]] = []
        self._readers: list[threading.Thread] = []
        self._begin: Micros = 0

    def perform(self, capture: Path) -> tuple[Chronicle, dict[str, str]]:
        """Record into `capture`; what happened, and the MAC address of every host."""
        write_scripts(self._folder)
        with ExitStack() as stack:
            self._lan = stack.enter_context(Lan(self._story.hosts))
            stack.callback(self._end_processes)
            span = Span(self._lan, capture)
            stack.callback(span.abandon)
            self._begin = span.begin
            for second, act in self._schedule():
                self._wait(second)
                act()
            self._wait(self._story.seconds)
            self._check_alive()
            end = span.finish()
            macs = {host.name: self._lan.mac(host.name) for host in self._story.hosts}
        kept = sorted((m for m in self._moments if m.at <= end), key=lambda moment: moment.at)
        return Chronicle(self._begin, end, tuple(kept)), macs

    def _schedule(self) -> list[tuple[float, Callable[[], None]]]:
        """Every action as calls at their seconds; the sort is stable, so a story's order holds."""
        calls = [call for action in self._story.actions for call in self._calls(action)]
        return sorted(calls, key=lambda call: call[0])

    def _calls(self, action: Action) -> list[tuple[float, Callable[[], None]]]:
        lan = self._lan
        match action:
            case Start(at, host):
                return [(at, lambda: self._start(self._story.host(host)))]
            case Kill(at, host):
                return [(at, lambda: self._kill(self._story.host(host)))]
            case Reconfigure(at, name, ucarp, pause):
                host_now = self._story.host(name)
                host_then = replace(host_now, ucarps=(ucarp,))
                return [
                    (at, lambda: self._end(host_now)),
                    (at + pause, lambda: self._start(host_then)),
                ]
            case Cut(at, until, sender, receiver):

                def cut() -> None:
                    self._note(
                        "cut", sender, f"frames of {sender} no longer reach {receiver}", receiver
                    )
                    lan.cut(sender, receiver)

                def heal() -> None:
                    lan.heal(sender, receiver)
                    self._note(
                        "heal", sender, f"frames of {sender} reach {receiver} again", receiver
                    )

                return [(at, cut), (until, heal)]
            case Split(at, until, left, right):

                def split() -> None:
                    self._note("split", left, f"no frame passes between {left} and {right}", right)
                    lan.cut(left, right)
                    lan.cut(right, left)

                def join() -> None:
                    lan.heal(left, right)
                    lan.heal(right, left)
                    self._note("join", left, f"frames pass between {left} and {right} again", right)

                return [(at, split), (until, join)]
            case Attack():
                return [(max(0.0, action.at - _HEAD_START_S), lambda: self._attack(action))]
            case Call(at, host, target):
                return [(at, lambda: self._call(host, target))]

    def _start(self, host: Host) -> None:
        if host.name in self._peers:
            self._lan.link(host.name, up=True)
        programs = [*(["ucarp"] * len(host.ucarps)), *(["keepalived"] if host.vrrps else [])]
        self._note("start", host.name, f"{' and '.join(programs)} started")
        self._peers[host.name] = start_peers(self._lan, host, self._moments.append, self._folder)

    def _kill(self, host: Host) -> None:
        self._note("kill", host.name, "killed with SIGKILL, and its link goes down")
        for peer in self._peers[host.name]:
            peer.kill()
        self._peers[host.name] = []
        self._lan.link(host.name, up=False)
        for options in host.ucarps:
            self._lan.drop_address(host.name, options.address)

    def _end(self, host: Host) -> None:
        """End the programs of a host and nothing else."""
        self._note("stop", host.name, "ended with SIGKILL; its link stays up")
        for peer in self._peers[host.name]:
            peer.kill()
        self._peers[host.name] = []
        for options in host.ucarps:
            self._lan.drop_address(host.name, options.address)

    def _attack(self, attack: Attack) -> None:
        attacker, victim = self._story.host(attack.host), self._story.host(attack.victim)
        text = f"begins to send the last advertisement of {victim.name} again every second"
        if attack.advskew is not None:
            text += f", with advskew {attack.advskew}"
        if attack.own_address:
            text += f" and the source address {attacker.address}"
        self._note(
            "attack", attacker.name, text, victim.name, self._begin + int(attack.at * 1_000_000)
        )
        helper = self._help(attacker.name, intruder.command(attack, attacker, victim, self._begin))

        def read() -> None:
            assert helper.stdout is not None
            for line in helper.stdout:
                if line.strip().isdecimal():
                    self._note("inject", attacker.name, "one frame", at=int(line))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self._readers.append(reader)

    def _call(self, host: str, target: str) -> None:
        self._note("call", host, f"begins to ping {target} every second")
        self._help(host, caller.command(target))

    def _help(self, host: str, argv: list[str]) -> subprocess.Popen[str]:
        """Start one of our own programs on a host."""
        helper = subprocess.Popen(
            [*self._lan.within(host), *argv],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path.cwd(),
            start_new_session=True,
        )
        self._helpers.append(helper)
        return helper

    def _note(
        self, kind: str, host: str, text: str, other: str = "", at: Micros | None = None
    ) -> None:
        self._moments.append(Moment(at or time.time_ns() // 1000, kind, host, text, other=other))

    def _wait(self, second: float) -> None:
        due = self._begin / 1e6 + second
        if self._stop.wait(max(0.0, due - time.time())):
            raise StoppedError

    def _check_alive(self) -> None:
        """A program that gave up makes another story than the one that is told."""
        for host, peers in self._peers.items():
            if any(peer.ended for peer in peers):
                said = [moment.text for moment in self._moments if moment.host == host]
                raise RuntimeError(f"a program on {host} ended by itself: {said[-1:]}")

    def _end_processes(self) -> None:
        for peers in self._peers.values():
            for peer in peers:
                peer.kill()
        for helper in self._helpers:
            helper.kill()
            helper.wait()
        for reader in self._readers:
            reader.join(timeout=10)
