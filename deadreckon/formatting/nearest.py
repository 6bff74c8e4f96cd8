"""The nearest known name to one that names nothing, for messages to people."""

from collections.abc import Iterable
from difflib import get_close_matches

NAMES_SHOWN = 10


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Return a question that suggests the nearest name; without one, the names that there are.

    >>> nearest_name("OrderFiled", ["OrderFilled", "BarClosed"]), nearest_name("x", ["a", "b"])
    ('did you mean OrderFilled?', 'there are a, b')
    """
    names = sorted(known)
    by_lower = {each.lower(): each for each in names}
    found = get_close_matches(name.lower(), by_lower, 1)
    if found:
        return f"did you mean {by_lower[found[0]]}?"
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"there are {', '.join(names[:NAMES_SHOWN])}{more}" if names else "there are none"
