"""Splitting of one order into several of whole lots that add up to it."""

# Beyond it children grow instead of multiplying: one approval has to fit into one commit.
CHILDREN_MAX = 100


def children_of(lots: int, most: int, least: int) -> list[int]:
    """The lots of each child: as few children as keep each at `most`, none under `least`.

    >>> children_of(10, most=4, least=1), children_of(10, most=4, least=5)
    ([4, 3, 3], [5, 5])
    """
    wanted = -(-lots // max(1, most))
    return shares(lots, max(1, min(wanted, lots // least, CHILDREN_MAX)))


def shares(total: int, parts: int) -> list[int]:
    """`total` in `parts` as even as whole numbers can be, the greater ones first."""
    least, rest = divmod(total, parts)
    return [least + 1] * rest + [least] * (parts - rest)
