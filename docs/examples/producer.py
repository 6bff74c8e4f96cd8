"""A producer in Python: sends a few signals, waits until the log has them, shows the verdicts.

./dr producer add ext
pip install nats-py cryptography
python producer.py nats://127.0.0.1:4222 var/nats/credentials/producer-ext.nk BTCUSDT.PAPER
"""

import asyncio
import base64
import binascii
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import nats.aio.client
import nats.errors
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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


class Client(nats.aio.client.Client):
    """nats-py's client with a key of its own: the library's takes a package without wheels."""

    def __init__(self, seed: str) -> None:
        super().__init__()
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))  # prefix, 32 bytes, checksum
        self._key = Ed25519PrivateKey.from_private_bytes(raw[2:34])

    def _setup_nkeys_connect(self) -> None:
        body = bytes([20 << 3]) + self._key.public_key().public_bytes_raw()  # "U", for users
        check = binascii.crc_hqx(body, 0).to_bytes(2, "little")
        self._public_nkey = base64.b32encode(body + check).rstrip(b"=").decode()
        self._signature_cb = lambda nonce: base64.b64encode(self._key.sign(nonce.encode()))


async def main(url: str, seed_file: str, instrument: str) -> None:
    """Send COUNT signals one after the other, then wait a little for their verdicts."""
    connection = Client(Path(seed_file).read_text().strip())
    inbox = f"_INBOX.producer-{PRODUCER}"  # a producer may hear no other
    await connection.connect(url, nkeys_seed=seed_file, inbox_prefix=inbox, name=PRODUCER)
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
