"""A property that is computed when it is first read, and then kept."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazily(Generic[T]):  # noqa: N801  # reads like `property`
    """As `functools.cached_property`, without the lock that it takes until Python 3.12: in the
    thirteen figures of a signal the lock cost more than the sums."""

    def __init__(self, work: Callable[[Any], T]) -> None:
        self._work = work
        self._name = work.__name__
        self.__doc__ = work.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> "lazily[T]": ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: object | None, kind: type) -> "lazily[T] | T":
        if owner is None:
            return self
        found = self._work(owner)
        # Found there first from now on: this class has no say in how attributes are set.
        owner.__dict__[self._name] = found
        return found
