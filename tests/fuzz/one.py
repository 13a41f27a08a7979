"""One target under atheris: `python -m tests.fuzz.one TARGET [libFuzzer's own options]`.

A process of its own, started by `make fuzz`: libFuzzer ends the process it runs in.
"""

import random
import sys

import atheris


def main(name: str, options: list[str]) -> None:
    """Fuzz until libFuzzer's options say that it is enough."""
    with atheris.instrument_imports(include=["carpscope", "tomllib"], enable_loader_override=False):
        from tests.fuzz.mutators import mutator
        from tests.fuzz.targets import TARGETS
    bend = mutator(name)

    def mutated(data: bytes, size_max: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, size_max))
        return bend(data, chance)[:size_max]

    atheris.Setup(
        ["fuzz", *options], TARGETS[name], enable_python_coverage=True, custom_mutator=mutated
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
