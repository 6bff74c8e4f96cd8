"""Pages of the gateway: health, metrics and views of the stack."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from deadreckon import __version__
from deadreckon.node.health import HealthCollector, health
from deadreckon.node.readiness import Readiness
from deadreckon.node.summary import read_portfolio
from deadreckon.node.trading_status import trading_of
from deadreckon.projections.metrics.exposition import LogCollector
from deadreckon.projections.metrics.series import Series
from deadreckon.projections.queries import (
    LIMIT,
    LIMIT_MAX,
    NoViewsError,
    TableAnswer,
    TableQuery,
    read_table,
)
from deadreckon.projections.sinks.sink import SinkError
from deadreckon.runtime.process.folder import FORMAT, Folder

PAGES = ("health", "healthz", "readyz", "version", "metrics", "portfolio", "orders", "fills")
HOSTS = ["127.0.0.1", "localhost"]  # any other name is another site's page that points here
PATH_SHOWN = 100  # characters of a path that is not there; the answer repeats no more

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="rows at most")]
Strategy = Annotated[str | None, Query(description="only those of this strategy")]
Instrument = Annotated[str | None, Query(description="only those of this instrument")]
Open = Annotated[bool, Query(alias="open", description="only what is open")]

_encode = msgspec.json.Encoder(decimal_format="string").encode


def application(folder: Folder, vitals: Readiness) -> FastAPI:
    """Build the pages of one stack; nothing in it reports to anybody else."""
    app = FastAPI(
        title="Deadreckon",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        telemetry={"auto_configure": False},
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    app.add_exception_handler(RequestValidationError, _wrong_question)
    app.add_exception_handler(HTTPException, _no_such_page)
    app.add_exception_handler(NoViewsError, _no_answer)
    app.add_exception_handler(SinkError, _no_answer)
    pages = GatewayPages(folder, vitals)
    for name in PAGES:
        app.add_api_route(f"/{name}", getattr(pages, name), methods=["GET"])
    return app


class GatewayPages:
    """The answers, one method a page."""

    def __init__(self, folder: Folder, vitals: Readiness) -> None:
        self._folder = folder
        self._vitals = vitals
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._registry.register(LogCollector(self._series))
        self._registry.register(HealthCollector(vitals))

    async def health(self) -> Response:
        """Report whether anything may be traded, with the health of log and services; 503 if not.

        `trading` lists every condition that holds. Nothing needs to be restarted for it: what waits
        for the log goes on by itself.
        """
        found = health(self._vitals)
        return _json(found, 200 if found["ok"] else 503)

    async def healthz(self) -> Response:
        """Report whether the process is alive and reads the log; if not, restart it."""
        return _verdict(self._vitals.fault())

    async def readyz(self) -> Response:
        """Report whether all services have recovered and the views are up to date; 503 if not.

        A stack that is ready need not be allowed to trade: `trading` says whether and why not.
        """
        return _verdict(self._vitals.unready(), trading=trading_of(self._vitals))

    async def version(self) -> Response:
        """Answer with this program's version, and what it runs."""
        vitals = self._vitals
        record = {"version": __version__, "folder_format": FORMAT}
        return _json(record | {"book": vitals.book, "mode": vitals.mode})

    async def metrics(self) -> Response:
        """Return metrics of the log and of the process, for Prometheus."""
        text = await asyncio.to_thread(generate_latest, self._registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    async def portfolio(
        self, strategy: Strategy = None, instrument: Instrument = None, open_only: Open = False
    ) -> Response:
        """Answer with positions, the last equity mark, and halts in force."""
        wanted = TableQuery(None, strategy, instrument, open_only)
        return await _answer(lambda: read_portfolio(self._folder, wanted))

    async def orders(
        self,
        limit: Limit = LIMIT,
        strategy: Strategy = None,
        instrument: Instrument = None,
        open_only: Open = False,
    ) -> Response:
        """Answer with orders, the latest changed first."""
        wanted = TableQuery(limit, strategy, instrument, open_only)
        return await _answer(lambda: read_table(self._folder, "orders", wanted))

    async def fills(
        self, limit: Limit = LIMIT, strategy: Strategy = None, instrument: Instrument = None
    ) -> Response:
        """Answer with fills, the latest first."""
        wanted = TableQuery(limit, strategy, instrument)
        return await _answer(lambda: read_table(self._folder, "fills", wanted))

    def _series(self) -> Series:
        metrics = self._vitals.stored.projector.metrics
        return metrics.visible if metrics else Series()


async def _answer(read: Callable[[], TableAnswer]) -> Response:
    return _json(await asyncio.to_thread(read))


def _verdict(fault: str, **more: Any) -> Response:
    if fault:
        return _json({"ok": False, "reason": fault} | more, 503)
    return _json({"ok": True} | more)


def _json(record: Any, status: int = 200) -> Response:
    return Response(_encode(record), status, media_type="application/json")


async def _wrong_question(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return _json({"error": f"{first['loc'][-1]}: {first['msg']}"}, 422)


async def _no_such_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if len(path) > PATH_SHOWN:
        path = f"{path[:PATH_SHOWN]}..."
    return _json({"error": f"{path}: {error.detail}"}, error.status_code)


async def _no_answer(_: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 503)
