"""nkeys: ed25519 keys as NATS writes them, in base32 between a prefix and a checksum."""

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEED = 18 << 3  # "S" in base32
USER = 20 << 3  # "U"; the only kind of key that is used here
KEY_BYTES = 32
CHECK_BYTES = 2


class InvalidSeedError(ValueError):
    """You gave something that is not the seed of a user's nkey; the message never repeats it."""


class NKey:
    """Key of a user, made from its seed: its public part, and signatures."""

    def __init__(self, seed: str) -> None:
        """Decode a seed. Raises InvalidSeedError."""
        self._key = Ed25519PrivateKey.from_private_bytes(_private_bytes(seed))
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = _encode(bytes([USER]) + public)

    def sign(self, nonce: str) -> bytes:
        """Sign a server's challenge, as a client sends it."""
        return base64.urlsafe_b64encode(self._key.sign(nonce.encode())).rstrip(b"=")


def new_seed() -> str:
    """Generate the seed of a new user's key, from the system's randomness."""
    return _encode(_SEED_PREFIX + Ed25519PrivateKey.generate().private_bytes_raw())


# A seed has two prefixes, that of seeds and that of what it is a seed of: five bits each, and six
# bits of nothing.
_SEED_PREFIX = bytes([SEED | USER >> 5, (USER & 31) << 3])


def _private_bytes(seed: str) -> bytes:
    try:
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except (ValueError, UnicodeError):
        raise InvalidSeedError("not a seed of an nkey: not in base32") from None
    body, check = raw[:-CHECK_BYTES], raw[-CHECK_BYTES:]
    if check != _checksum(body) or _encode(body) != seed:
        raise InvalidSeedError("not a seed of an nkey: the checksum is wrong")
    if len(body) != len(_SEED_PREFIX) + KEY_BYTES or not body.startswith(_SEED_PREFIX):
        raise InvalidSeedError("not a seed of a user's nkey: it begins with SU")
    return body[len(_SEED_PREFIX) :]


def _encode(body: bytes) -> str:
    return base64.b32encode(body + _checksum(body)).decode("ascii").rstrip("=")


def _checksum(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0).to_bytes(CHECK_BYTES, "little")  # CRC-16/XMODEM
