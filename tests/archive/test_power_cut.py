"""What was sealed outlives a power cut at any step, and sealing goes on behind it."""

from pathlib import Path

import pytest

from deadreckon.archive.manifests import read_prefix
from deadreckon.archive.segments import Archive
from deadreckon.archive.signing import read_or_create_key
from tests.support.archived_logs import ArchivedLog
from tests.support.power_cut import PowerCut, recorded

SEALED_AGAIN = 12  # of the states that differ in what is sealed; each takes some tenths of a second


@pytest.mark.slow
def test_a_sealed_day_stays_whole_and_sealing_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    archived = ArchivedLog(root / "archive")
    before = len(archived.log.messages)

    def act(cut: PowerCut) -> None:
        for manifest in archived.seal().sealed:
            cut.acknowledge(str(manifest.number))

    cut = recorded(root, act)
    assert len(cut.acknowledged) == 2
    often = max(1, len(cut.states) // SEALED_AGAIN)
    for number, (left, told) in enumerate(cut.each(tmp_path)):
        chain, fault = read_prefix(left / "archive")
        assert fault == ""
        assert len(chain) >= len(told)
        for segment in (each for manifest in chain for each in manifest.segments):
            Archive(left / "archive").check_file(segment)
        if number % often == 0:
            log = archived.log.messages[: before + len(told)]  # it says what was sealed by then
            other = ArchivedLog(left / "archive", log)
            other.seal()
            assert other.verify(alone=True).faults == []


def test_the_key_that_seals_stays_the_same(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()

    def act(cut: PowerCut) -> None:
        cut.acknowledge(read_or_create_key(root / "credentials").public)

    for left, told in recorded(root, act).each(tmp_path):
        key = read_or_create_key(left / "credentials").public
        assert told in ((), (key,))
