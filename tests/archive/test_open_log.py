"""A log that is not whole is refused when it is opened."""

import pytest

from deadreckon.archive.open_log import check_whole
from deadreckon.runtime.log.bus import HoleError, LogInfo


@pytest.mark.parametrize(
    "info",
    [LogInfo(0, 0, 0, 0, 0), LogInfo(1, 10, 10, 99, 0), LogInfo(501, 1_000, 500, 99, 0)],
    ids=["empty", "whole", "rolled"],
)
def test_a_whole_log_is_opened(info: LogInfo) -> None:
    check_whole(info)


@pytest.mark.parametrize(
    "info",
    [LogInfo(1, 2_102, 1_854, 99, 248), LogInfo(1, 10, 9, 99, 0), LogInfo(1, 10, 10, 99, 1)],
    ids=["cut at its end", "a message short", "one deleted"],
)
def test_a_log_with_something_missing_is_refused_with_its_numbers(info: LogInfo) -> None:
    with pytest.raises(HoleError, match=f"{info.messages}, {info.deleted} missing"):
        check_whole(info)
