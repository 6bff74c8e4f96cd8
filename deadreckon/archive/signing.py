"""The sealer's signing key: ed25519, made at first use, in a file only its owner may read."""

from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from deadreckon.contracts.errors import OperationalError
from deadreckon.runtime.process import durable
from deadreckon.runtime.server.secret import read_or_create_secret

FILE = "archive.seal"


class DamagedKeyError(OperationalError):
    """You have a damaged signing key; the message names the file, never its content."""


class SealKey:
    """The key that signs manifests. `public` is the public key in hex; the other half is never
    shown."""

    def __init__(self, private: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(private)
        self.public = self._key.public_key().public_bytes_raw().hex()

    def __repr__(self) -> str:
        return f"SealKey({self.public})"

    def sign(self, content: bytes) -> str:
        """Return the signature (hex); the same key and content always give the same one."""
        return self._key.sign(content).hex()


def read_or_create_key(credentials: Path) -> SealKey:
    """Return the key kept among a folder's credentials, created if there is none.

    Raises ExposedSecretError or DamagedKeyError.
    """
    durable.make_folders(credentials)
    path = credentials / FILE
    text = read_or_create_secret(
        path, lambda: Ed25519PrivateKey.generate().private_bytes_raw().hex()
    )
    try:
        return SealKey(bytes.fromhex(text))
    except ValueError:
        raise DamagedKeyError(
            f"{path} is no signing key; restore it, or delete it for a new one"
        ) from None


def is_signed(public: str, signature: str, content: bytes) -> bool:
    """Tell whether `signature` (hex) over the content is that of the public key (hex)."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), content)
    except (ValueError, InvalidSignature):
        return False
    return True
