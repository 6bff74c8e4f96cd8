"""Whatever is asked of the gateway: an answer with a status that fits, never a traceback."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from deadreckon.runtime.process.folder import Folder
from deadreckon.web.pages import PAGES, application
from tests.fuzz.budget import SEED, share
from tests.fuzz.mutator import AMOUNTS, INTEGERS, TEXTS, Mutator
from tests.support.data_folder import folder_with_views
from tests.support.handmade_logs import busy_log
from tests.web.test_gateway import living

METHODS = ["GET", "GET", "GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "GÉT"]
NAMES = ["limit", "strategy", "instrument", "open", "", "limit[]", "é", "x" * 5_000]
HEADERS = ["accept", "x-forwarded-for", "content-type", "range", "if-none-match", "cookie"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return folder_with_views(tmp_path_factory.mktemp("fuzz") / "run", busy_log(seed=1, orders=10))


@pytest.fixture
async def pages(folder: Folder) -> AsyncIterator[httpx2.AsyncClient]:
    async with living(folder) as vitals:
        transport = httpx2.ASGITransport(application(folder, vitals), raise_app_exceptions=True)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


def asked(mutator: Mutator) -> tuple[str, str, dict[str, str], bytes]:
    """Method, path with query, headers and body."""
    random = mutator.random
    values = [*TEXTS, *AMOUNTS, *map(str, INTEGERS), "true", "yes", "0"]
    path = random.choice([*PAGES, "", "../etc/passwd", "portfolio/", "docs", "\x00", "%00", "é"])
    pairs = [(random.choice(NAMES), random.choice(values)) for _ in range(random.randrange(4))]
    text = "&".join(f"{quote(name)}={quote(value)[:20_000]}" for name, value in pairs)
    if random.random() < 0.2:
        text = quote(mutator.bytes(text.encode())[:20_000], safe="&=%")
    headers = {random.choice(HEADERS): quote(random.choice(values))[:5_000] for _ in range(2)}
    if random.random() < 0.1:
        headers["host"] = quote(random.choice(TEXTS))[:200] or "elsewhere"
    return random.choice(METHODS), f"/{quote(path)}?{text}", headers, mutator.bytes(b'{"a":1}')


async def test_every_question_is_answered_and_none_breaks_the_gateway(
    pages: httpx2.AsyncClient,
) -> None:
    for number in range(share(5)):
        method, path, headers, body = asked(Mutator(f"http/{SEED}", number))
        try:
            found = await pages.request(method, path, headers=headers, content=body)
        except (httpx2.InvalidURL, UnicodeEncodeError):
            continue  # what no client can even say
        except BaseException as error:
            error.add_note(f"DR_FUZZ_SEED={SEED}, case {number}: {method} {path[:300]} {headers}")
            raise
        assert found.status_code in {200, 307, 400, 404, 405, 422, 503}, (number, path[:300])
        assert len(found.content) < 200_000
        if found.status_code == 422:
            assert len(found.json()["error"]) < 6_000


async def test_it_still_answers(pages: httpx2.AsyncClient, tmp_path: Path) -> None:
    assert (await pages.get("/orders?limit=1")).status_code == 200
