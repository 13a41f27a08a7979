"""What each advertisement costs where something is unsteady, or there is much of it."""

from collections.abc import Callable

from tests.bench.captures import made
from tests.bench.measure import Command, Subject, Target
from tests.bench.programs import analyze
from tests.bench.shapes import ADDRESS, SHAPES, Shape

_NOTHING = "next to nothing"
_ADDRESS = ".".join(map(str, ADDRESS))


def _shape(name: str, shape: Shape) -> Callable[[], Subject]:
    small, large = f"{shape.small:,}", f"{shape.large:,}"

    def subject() -> Subject:
        of = Target(
            large, _NOTHING, shape.must, shape.aim, "each", (shape.large, 1), beyond=_NOTHING
        )
        sizes = shape.large, shape.small
        commands: tuple[Command, ...] = (
            analyze(made("nothing"), [_ADDRESS], _NOTHING),
            analyze(made(f"{name}-{shape.small}"), [_ADDRESS], small),
            analyze(made(f"{name}-{shape.large}"), [_ADDRESS], large),
        )
        return Subject(
            f"{name}: {shape.title}",
            commands,
            (
                of,
                Target(large, small, shape.growth, None, "linear", sizes, beyond=_NOTHING),
                Target(large, large, 100, None, "memory"),
            ),
            rounds=3,
        )

    return subject


SUBJECTS = {name: _shape(name, shape) for name, shape in SHAPES.items()}
