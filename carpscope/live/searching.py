"""Searching for what a node signs, beside the capture and not in its way.

A hard search takes seconds. The loop looks only at what is easy; the rest is asked here, one
question at a time, and answered in a thread that pauses after every twentieth of a second,
so that the loop has most of the time for itself.
"""

import queue
import threading

from carpscope.auth.effort import SEARCH_DIGESTS, Effort
from carpscope.auth.explain import ALL, Candidates, explain
from carpscope.auth.keyring import Keyring
from carpscope.auth.question import Outcome, Sample
from carpscope.core.mistakes import Mistakes
from carpscope.core.values import dataclass
from carpscope.timeline.group import GroupKey

PAUSE_S = 0.15
"""After 65,536 digests, which take 50 ms: at most a fourth of the time is spent here."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one node signed, and with what it may have been."""

    interface: str
    group: GroupKey
    node: str
    sample: Sample
    candidates: Candidates
    keyring: Keyring


class Searcher:
    """Answers one question at a time. What the loop calls returns at once."""

    def __init__(self, pause_s: float = PAUSE_S, mistakes: Mistakes | None = None) -> None:
        """Start its thread. A search that fails by our mistake is counted in `mistakes`."""
        self._mistakes = mistakes or Mistakes()
        self.pause_s = pause_s
        """May be changed at any time: longer while there is much to capture."""
        self._questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        self._answer: tuple[Question, Outcome] | None = None
        self._asked: Question | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="search", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Tell whether questions are still answered."""
        return self._thread.is_alive()

    @property
    def is_free(self) -> bool:
        """Tell whether a question may be asked: none is open, and no answer waits."""
        return self._asked is None

    def ask(self, question: Question) -> None:
        """Search for this next."""
        self._asked = question
        self._questions.put(question)

    def answer(self, interface: str) -> tuple[Question, Outcome] | None:
        """Return the answer to what was asked for an interface, once."""
        answer = self._answer
        if answer is None or answer[0].interface != interface:
            return None
        self._answer = self._asked = None
        return answer

    def close(self) -> None:
        """Give up."""
        self._over.set()
        self._questions.put(None)

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            effort = Effort(SEARCH_DIGESTS, tell=self._pause)
            outcome = Outcome()
            with self._mistakes.isolated("search"):
                outcome = explain(
                    question.sample, question.keyring, question.candidates, effort, stages=ALL
                )
            self._answer = question, outcome

    def _pause(self, spent: int, total: int) -> None:
        del spent, total
        self._over.wait(self.pause_s)
