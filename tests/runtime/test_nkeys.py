"""nkeys as NATS writes them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from deadreckon.runtime.server.nkeys import InvalidSeedError, NKey, new_seed

# From the documentation of NATS.
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
ACCOUNT_SEED = "SAANDLKMXL6CUS3CP52WIXBEDN6YJ545GDKC65U5JZPPV6WH6ESWUA6YAI"


def test_a_published_seed_has_its_published_public_key() -> None:
    assert NKey(SEED).public == PUBLIC


def test_a_new_seed_is_one_and_never_the_same() -> None:
    seeds = {new_seed() for _ in range(20)}
    assert len(seeds) == 20
    assert all(seed.startswith("SU") and len(seed) == 58 for seed in seeds)
    assert all(NKey(seed).public.startswith("U") for seed in seeds)


def test_a_signature_can_be_checked_with_the_public_key_alone() -> None:
    signature = base64.urlsafe_b64decode(NKey(SEED).sign("a nonce") + b"==")
    raw = base64.b32decode(PUBLIC + "=" * (-len(PUBLIC) % 8))[1:33]
    Ed25519PublicKey.from_public_bytes(raw).verify(signature, b"a nonce")


@pytest.mark.parametrize(
    ("seed", "record"),
    [
        ("", "checksum|base32"),
        ("some words!", "base32"),
        (SEED.lower(), "base32"),
        (SEED[:-1], "base32|checksum"),
        (SEED[:20] + "AA" + SEED[22:], "checksum"),
        (SEED[:-1] + "Z", "checksum"),
        (PUBLIC, "begins with SU"),
        (ACCOUNT_SEED, "begins with SU"),
    ],
)
def test_what_is_no_seed_of_a_user_is_refused_and_not_repeated(seed: str, record: str) -> None:
    with pytest.raises(InvalidSeedError, match=record) as e:
        NKey(seed)
    assert not seed or seed not in str(e.value)
