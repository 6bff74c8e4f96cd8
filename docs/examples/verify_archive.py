"""Proves an archive without its program: python verify_archive.py ARCHIVE PUBLIC_KEY_IN_HEX"""

import json
import struct
import sys
from hashlib import sha256
from pathlib import Path

import polars
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def leaf(sequence: int, at: int, subject: str, payload: bytes) -> bytes:
    head = struct.pack(">xQQI", sequence, at, len(subject))
    return sha256(head + subject.encode() + payload).digest()


def root(hashes: list[bytes]) -> bytes:
    half = 1 << (len(hashes) - 1).bit_length() >> 1
    split = hashes[:half], hashes[half:]
    return sha256(b"\1" + root(split[0]) + root(split[1])).digest() if half else hashes[0]


folder, key = Path(sys.argv[1]), Ed25519PublicKey.from_public_bytes(bytes.fromhex(sys.argv[2]))
previous, last = "", 0
for file in sorted(folder.glob("manifests/*.json")) or sys.exit(f"{folder}: nothing is sealed"):
    told = json.loads(file.read_bytes())
    signature = bytes.fromhex(told.pop("signature"))
    key.verify(signature, json.dumps(told, sort_keys=True, separators=(",", ":")).encode())
    files = {folder / each["path"]: each for each in told["segments"]}
    messages = [path for path, each in files.items() if each["family"] == "messages"]
    rows = polars.read_parquet(messages, hive_partitioning=False).sort("sequence").rows()
    expected = [previous, *range(last + 1, told["last"] + 1)]
    linked = [told["previous"], *(row[0] for row in rows)] == expected
    same = all(sha256(it.read_bytes()).hexdigest() == files[it]["sha256"] for it in files)
    if not (linked and same and root([leaf(*row) for row in rows]).hex() == told["root"]):
        sys.exit(f"{file}: its messages are not those that were sealed")
    previous, last = sha256(file.read_bytes()).hexdigest(), told["last"]
print(f"messages 1 to {last} are as they were sealed")
