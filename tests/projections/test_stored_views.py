"""Stored views are used by one thread at a time: a connection of SQLite that is closed while
another thread executes a statement ends the process with a segmentation fault."""

import threading
from pathlib import Path
from types import TracebackType

import pytest

from deadreckon.projections.sinks.sqlite import SqliteSink
from deadreckon.projections.stored_views import StoredViews, ViewsClosedError
from deadreckon.runtime.process.folder import Folder
from tests.support.handmade_logs import busy_log, fold_log

pytestmark = pytest.mark.slow


@pytest.fixture
def stored(tmp_path: Path) -> StoredViews:
    return StoredViews(Folder(tmp_path / "data").create())


class Turnstile:
    """A lock that tells when someone has come to it while another is inside."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waited_for = threading.Event()

    def __enter__(self) -> None:
        if not self.lock.acquire(blocking=False):
            self.waited_for.set()
            self.lock.acquire()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.lock.release()


def test_views_are_closed_only_when_no_thread_writes_them(
    stored: StoredViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold_log(stored.projector, busy_log(1, 5))
    turnstile, inside, done = Turnstile(), threading.Event(), []
    monkeypatch.setattr(stored, "_alone", turnstile)
    store, close = SqliteSink._store, SqliteSink.close

    def slow_store(sink: SqliteSink, *rows: object) -> None:
        inside.set()
        turnstile.waited_for.wait(60)  # until somebody wants to close them
        store(sink, *rows)  # type: ignore[arg-type]
        done.append("stored")

    def noted_close(sink: SqliteSink) -> None:
        turnstile.waited_for.set()  # where nobody had to wait
        done.append("closed")
        close(sink)

    monkeypatch.setattr(SqliteSink, "_store", slow_store)
    monkeypatch.setattr(SqliteSink, "close", noted_close)
    writing = threading.Thread(target=stored.write)
    writing.start()
    inside.wait(60)
    stored.close()
    writing.join()
    assert done.index("closed") == len(done) - 1
    assert done.count("stored") > 1


def test_views_that_were_closed_are_not_opened_again(stored: StoredViews) -> None:
    stored.close()
    for opening in (lambda: stored.projector, stored.reopen, stored.write):
        with pytest.raises(ViewsClosedError):
            opening()
