"""Proves an archive without its program: python verify_archive.py ARCHIVE PUBLIC_KEY_IN_HEX"""

import json
import struct
import sys
from hashlib import sha256
from pathlib import Path

import polars
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def leaf(sequence: int, stored_at: int, subject: str, payload: bytes) -> bytes:
    head = struct.pack(">xQQI", sequence, stored_at, len(subject.encode()))
    return sha256(head + subject.encode() + payload).digest()


def root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\1" + root(hashes[:half]) + root(hashes[half:])).digest()


folder, key = Path(sys.argv[1]), Ed25519PublicKey.from_public_bytes(bytes.fromhex(sys.argv[2]))
previous, last = "", 0
for file in sorted(folder.glob("manifests/*.json")):
    told = json.loads(file.read_bytes())
    signature = bytes.fromhex(told.pop("signature"))
    key.verify(signature, json.dumps(told, sort_keys=True, separators=(",", ":")).encode())
    paths = [each["path"] for each in told["segments"]]
    hashes = [sha256((folder / path).read_bytes()).hexdigest() for path in paths]
    messages = [folder / path for path in paths if path.startswith("messages/")]
    rows = polars.read_parquet(messages, hive_partitioning=False).sort("sequence").rows()
    linked = (told["previous"], told["first"]) == (previous, last + 1)
    whole = [row[0] for row in rows] == list(range(last + 1, told["last"] + 1))
    same = hashes == [each["sha256"] for each in told["segments"]]
    if not (linked and whole and same and root([leaf(*row) for row in rows]).hex() == told["root"]):
        sys.exit(f"{file}: its messages are not those that were sealed")
    previous, last = sha256(file.read_bytes()).hexdigest(), told["last"]
print(f"messages 1 to {last} are as they were sealed")
