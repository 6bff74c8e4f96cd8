"""A producer in Python: sends a few signals, waits until the log has them, shows the verdicts.

pip install nats-py
python producer.py nats://127.0.0.1:4222 var/nats/secret BTCUSDT.PAPER
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import nats

BOOK, PRODUCER = "desk", "ext"
COUNT = 3


def signal(number: int, instrument: str, now: datetime) -> dict[str, str]:
    """Amounts are decimal text; the id makes sending the same bytes again harmless."""
    return {
        "id": f"{PRODUCER}-{now:%Y%m%dT%H%M%S}-{number}",
        "strategy": "ext",
        "instrument": instrument,
        "side": "sell" if number % 2 else "buy",
        "quantity": "0.01",
        "at": now.isoformat(),
    }


async def main(url: str, secret: str, instrument: str) -> None:
    """Send COUNT signals one after the other, then wait a little for their verdicts."""
    password = Path(secret).read_text().strip()
    connection = await nats.connect(url, user="deadreckon", password=password, name=PRODUCER)
    verdicts = await connection.subscribe(f"verdict.{BOOK}.{PRODUCER}")
    now = datetime.now(UTC)
    for number in range(COUNT):
        payload = json.dumps(signal(number, instrument, now)).encode()
        answer = await connection.request(f"log.{BOOK}.in.{PRODUCER}", payload, timeout=5)
        stored = json.loads(answer.data)
        if "error" in stored:
            raise SystemExit(f"the log refused: {stored['error']['description']}")
        print(f"signal {number} is message {stored['seq']} of the log")
    try:
        for _ in range(COUNT):
            verdict = json.loads((await verdicts.next_msg(timeout=3)).data)
            print(verdict["signal_id"], verdict["outcome"], verdict["rule"], verdict["reason"])
    except nats.errors.TimeoutError:
        print("no verdict within 3 seconds: they are notices; the truth is in the log")
    await connection.drain()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
