"""What the workers of `./dr test` are given: a file each, and the longest tests one by one."""

import pytest

SINGLY = (
    "tests/end_to_end/test_crashtest.py",
    "tests/end_to_end/test_interruptions.py",
    "tests/fuzz/test_tapes.py",
    "tests/strategies/test_yardstick.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """Give out files, whose tests share servers and recorded runs, and the tests of SINGLY: they
    take a minute each and share nothing."""
    if config.getoption("dist") != "loadfile":
        return None

    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class FilesAndLongTests(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return nodeid if file in SINGLY else file

    return FilesAndLongTests(config, log)
