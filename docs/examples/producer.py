"""A producer in Python: sends a few signals, waits until the log has them, shows the verdicts.

./dr producer add ext
pip install nats-py nkeys
python producer.py nats://127.0.0.1:4222 var/nats/credentials/producer-ext.nk BTCUSDT.PAPER
"""

import asyncio
import json
import sys
from datetime import UTC, datetime

import nats
import nats.errors

BOOK, PRODUCER = "desk", "ext"
COUNT = 3


def signal(number: int, instrument: str, now: datetime) -> dict[str, str]:
    """Amounts are decimal text; the id makes sending the same bytes again harmless. Without `at`
    the log's time counts, which on a tape is the tape's."""
    return {
        "id": f"{PRODUCER}-{now:%Y%m%dT%H%M%S}-{number}",
        "strategy": "ext",
        "instrument": instrument,
        "side": "sell" if number % 2 else "buy",
        "quantity": "0.01",
        "confidence": "0.9",  # the demo refuses what is below 0.25, or does not say
    }


async def main(url: str, seed_file: str, instrument: str) -> None:
    """Send COUNT signals one after the other, then wait a little for their verdicts."""
    inbox = f"_INBOX.producer-{PRODUCER}"  # a producer may hear no other
    connection = await nats.connect(url, nkeys_seed=seed_file, inbox_prefix=inbox, name=PRODUCER)
    verdicts = await connection.subscribe(f"verdict.{BOOK}.{PRODUCER}")
    now = datetime.now(UTC)
    for number in range(COUNT):
        payload = json.dumps(signal(number, instrument, now)).encode()
        answer = await connection.request(f"log.{BOOK}.in.{PRODUCER}", payload, timeout=5)
        stored = json.loads(answer.data)
        if "error" in stored:
            raise SystemExit(f"the log refused: {stored['error']['description']}")
        if stored.get("duplicate"):  # somebody's Nats-Msg-Id: this message is not in the log
            raise SystemExit("not stored: the server took it for a duplicate")
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
