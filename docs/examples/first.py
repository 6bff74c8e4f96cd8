"""The first signal from Python: python first.py producer.json BTCUSDT.PAPER

pip install nats-py nkeys; producer.json is what `./dr producer add NAME --data DATA --json` prints
while the stack runs.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import nats


async def main(access: str, instrument: str) -> None:
    """Send one signal, and print what the log and the stack say to it."""
    given = json.loads(Path(access).read_text())
    connection = await nats.connect(
        given["url"],
        nkeys_seed=given["seed_file"],
        inbox_prefix=given["inbox_prefix"],  # a producer may hear no other inbox
    )
    verdicts = await connection.subscribe(given["verdicts"])  # first: they are not repeated
    signal = {
        "id": f"first-{time.time_ns()}",
        "strategy": "ext",
        "instrument": instrument,
        "side": "buy",
        "quantity": "0.01",  # text: 0.01 as a number would be refused
        "confidence": "0.9",  # the demo refuses what is below 0.25, or does not say
    }
    stored = await connection.request(given["signals"], json.dumps(signal).encode(), timeout=5)
    answer = json.loads(stored.data)
    if "error" in answer or answer.get("duplicate"):
        raise SystemExit(f"not stored: {answer}")
    print(f"message {answer['seq']} of the log")
    verdict = json.loads((await verdicts.next_msg(timeout=10)).data)
    if verdict["outcome"] == "approved":
        print(f"approved: order {verdict['order_id']}")
    else:
        print(f"{verdict['outcome']}: {verdict['rule']}: {verdict['reason']}")
    await connection.drain()


asyncio.run(main(*sys.argv[1:]))
