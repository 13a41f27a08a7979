"""What every test shares: how hard Hypothesis looks, and that it looks the same way each time."""

from hypothesis import settings

settings.register_profile(
    "repeatable",
    derandomize=True,  # a red run is red for everybody
    deadline=None,  # a busy machine is no bug
    max_examples=100,
    database=None,
)
settings.register_profile("thorough", deadline=None, max_examples=5000)
settings.load_profile("repeatable")
