"""Credentials on NATS: an nkey seed per role, each in a file only its owner may read."""

from pathlib import Path

from msgspec import Struct

from deadreckon.contracts.errors import OperationalError
from deadreckon.contracts.subjects import token
from deadreckon.runtime.process import durable
from deadreckon.runtime.server.nkeys import InvalidSeedError, NKey, new_seed
from deadreckon.runtime.server.secret import read_or_create_secret, read_secret

SUFFIX = ".nk"
PRODUCER_PREFIX = (
    "producer-"  # before a producer's name, so that nobody can be called like a service
)


class CredentialError(OperationalError):
    """You lack the credential that this takes, or its file is damaged; the message names it."""


class Credential(Struct, frozen=True):
    """Key of a role. Its seed is for connecting, never for showing."""

    role: str
    seed: str

    def __repr__(self) -> str:
        return f"Credential({self.role})"

    @property
    def key(self) -> NKey:
        """The key that signs for the role."""
        return NKey(self.seed)


def producer_role(name: str) -> str:
    """Return a producer's role; raises ValueError for a name that cannot stand in a subject."""
    return PRODUCER_PREFIX + token(name, "producer")


def inbox_prefix(role: str) -> str:
    """Return the prefix of a role's inbox subjects; no other role may subscribe to them."""
    return f"_INBOX.{role}"


class Credentials:
    """A folder of seeds, `<role>.nk` each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, role: str) -> Path:
        """Return the path of a role's seed, which may not exist."""
        return self.folder / f"{role}{SUFFIX}"

    def has(self, role: str) -> bool:
        """Tell whether the seed of a role is in the folder."""
        return self.file(role).exists()

    def kept(self, role: str) -> Credential:
        """Return the credential of a role, created if there is none. Raises ExposedSecretError."""
        durable.make_folders(self.folder)
        self.folder.chmod(0o700)
        return self._checked(role, read_or_create_secret(self.file(role), new_seed))

    def read(self, role: str) -> Credential:
        """Read the credential of a role. Raises CredentialError or ExposedSecretError."""
        try:
            return self._checked(role, read_secret(self.file(role)))
        except OSError as error:
            hint = "; for a server of your own `dr nats config` makes it, also after an update"
            if role.startswith(PRODUCER_PREFIX):
                hint = f"; `dr producer add {role.removeprefix(PRODUCER_PREFIX)}` gives one"
            raise CredentialError(
                f"no credential for {role}: {self.file(role)}: {error.strerror}{hint}"
            ) from None

    def _checked(self, role: str, seed: str) -> Credential:
        credential = Credential(role, seed)
        try:
            credential.key  # noqa: B018
        except InvalidSeedError as error:
            raise CredentialError(f"{self.file(role)}: {error}; delete it for a new one") from None
        return credential

    def forget(self, role: str) -> None:
        """Delete a seed, if it is here."""
        durable.remove(self.file(role))
