"""The private members of nats-py that our client uses exist, in the one version that is pinned."""

import inspect
import re
from importlib import metadata
from pathlib import Path

import pytest
from nats.aio.client import Client as LibraryClient
from nats.aio.transport import TcpTransport

from deadreckon.runtime.log import client

ROOT = Path(__file__).resolve().parents[2]
OVERRIDDEN = {
    "_setup_nkeys_connect": ["self"],
    "_process_msg": ["self", "sid", "subject", "reply", "data", "headers"],
    "_process_pong": ["self"],
    "_process_op_err": ["self", "e"],
}
READ = ("_sid", "_pongs", "_transport", "_public_nkey", "_signature_cb")


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_a_method_that_we_override_takes_what_it_took(name: str) -> None:
    theirs = getattr(LibraryClient, name)
    assert list(inspect.signature(theirs).parameters) == OVERRIDDEN[name]
    assert name in vars(client.Client)


@pytest.mark.parametrize("name", READ)
def test_an_attribute_that_we_use_is_made_with_the_client(name: str) -> None:
    assert name in vars(LibraryClient())


def test_a_connection_has_the_writer_that_we_abort() -> None:
    assert "_io_writer" in vars(TcpTransport())  # type: ignore[no-untyped-call]


def test_the_library_asks_for_a_key_when_it_is_given_a_seed() -> None:
    assert "nkeys_seed" in inspect.signature(LibraryClient.connect).parameters


def test_no_other_private_member_is_used() -> None:
    source = Path(inspect.getfile(client)).read_text()
    used = set(re.findall(r"(?:self|super\(\))\.(_[a-z]\w*)", source))
    ours = set(vars(client.Client())) - set(vars(LibraryClient()))
    assert used - ours == {*OVERRIDDEN, *READ} - {"_setup_nkeys_connect"}


def test_the_version_is_the_one_that_is_pinned() -> None:
    version = metadata.version("nats-py")
    assert f'"nats-py=={version}"' in (ROOT / "pyproject.toml").read_text()
    for pins in ("runtime.txt", "dev.txt"):
        assert f"nats-py=={version} " in (ROOT / "requirements" / pins).read_text()
