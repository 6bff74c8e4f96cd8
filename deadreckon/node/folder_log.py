"""The log of a folder as seen from outside: whether it takes writes, and how far it goes."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

from deadreckon.projections.queries import log_end
from deadreckon.runtime.log.bus import DeniedError, UnavailableError
from deadreckon.runtime.process.folder import Folder

ASK_WAIT = 5.0  # seconds for a stack, or for a log that nobody speaks for, to answer


async def log_health(folder: Folder) -> dict[str, Any]:
    """Report whether the folder's log takes writes, as the stack that runs there knows, and its
    last sequence (null: unknown); without a stack, only the log is queried."""
    return await log_health_from(folder, await asyncio.to_thread(gateway_health, folder))


async def log_health_from(folder: Folder, record: dict[str, Any] | None) -> dict[str, Any]:
    """Report the log's health from a page /health; without one, the log is queried."""
    if record is not None:
        reason = record.get("trouble", record["reason"])
        return {"available": record["log"]["available"], "reason": reason} | {
            "sequence": record["log"]["sequence"]
        }
    try:
        end = await asyncio.wait_for(log_end(folder), ASK_WAIT)
    except TimeoutError:
        reason = f"the log does not answer within {ASK_WAIT:g} seconds"
        return {"available": False, "reason": reason, "sequence": None}
    except (UnavailableError, DeniedError) as fault:
        return {"available": False, "reason": str(fault), "sequence": None}
    return {"available": None if end is None else True, "reason": "", "sequence": end}


def gateway_health(folder: Folder) -> dict[str, Any] | None:
    """Fetch the page /health of the gateway that runs on the folder, if one does."""
    try:
        url = (folder.root / "gateway.url").read_text("utf-8").strip()
        with urllib.request.urlopen(f"{url}/health", timeout=ASK_WAIT) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as answer:  # not well, and says why
        found = json.load(answer)
    except (OSError, ValueError):
        return None
    return found if "log" in found else None
