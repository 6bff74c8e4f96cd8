"""The strategies that come with the program, registered as any other."""

# The entry points of pyproject.toml once more: a checkout that runs without having been installed
# has no metadata to read them from. A test holds the two lists together.
ENTRY_POINTS = {
    "moving_average_cross": (
        "deadreckon.strategies.builtin.moving_average_cross:MovingAverageCross"
    ),
    "hmm_regime": "deadreckon.strategies.builtin.hmm_regime:HmmRegime",
}
