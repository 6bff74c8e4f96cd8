"""Credentials given, rotated and taken back as the runbook says, and a server of one's own."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme

from deadreckon.runtime.server.binary import find_nats_server
from tests.conftest import PATIENCE
from tests.end_to_end.conftest import Dr
from tests.support.ports import free_port

SIGNAL = {
    "id": "s-1",
    "strategy": "ext",
    "instrument": "BTCUSDT.PAPER",
    "side": "buy",
    "quantity": "0.01",
    "at": "2026-11-20T12:00:00Z",
}
WHO = ("--actor", "ann", "--reason", "credentials")


@contextmanager
def up(dr: Dr, *words: str) -> Iterator[dict[str, Any]]:
    """A stack that runs, and where it is; it has to end in good order."""
    process = dr.start("up", "--data", "desk", "--no-web", "--json", *words)
    assert process.stdout is not None
    record = process.stdout.readline()
    assert record, process.stderr and process.stderr.read()[-2000:]
    yield json.loads(record)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors[-2000:]


def send(dr: Dr, producer: str, code: int = 0) -> str:
    (dr.folder / "signal.jsonl").write_text(json.dumps(SIGNAL))
    words = ("signal", "send", "signal.jsonl", "--data", "desk", "--producer", producer)
    return dr.run(*words, code=code)


def test_a_producer_is_given_a_credential_while_the_stack_runs_and_it_is_taken_back(dr: Dr) -> None:
    with up(dr) as where:
        assert "dr producer add ext" in send(dr, "ext", code=3)

        given = dr.json("producer", "add", "ext", "--data", "desk")
        assert given["url"] == where["nats"]
        seed = Path(given["seed_file"]).read_text().strip()
        assert "1 sent" in send(dr, "ext")
        assert "ext already" in dr.run("producer", "add", "ext", "--data", "desk", code=2)
        listed = dr.run("producer", "list", "--data", "desk")
        assert given["public_key"] in listed

        dr.run("producer", "remove", "ext", "--data", "desk")
        Path(given["seed_file"]).write_text(seed)  # whoever kept a copy of it
        Path(given["seed_file"]).chmod(0o600)
        assert "does not know this user" in send(dr, "ext", code=3)
        record = dr.run("status", "--data", "desk", "--json") + listed
        assert seed not in record + (dr.folder / "desk" / "nats" / "nats.log").read_text()


def test_a_credential_of_the_stack_is_rotated_by_deleting_it(dr: Dr) -> None:
    with up(dr) as where:
        dr.run("halt", *WHO, "--data", "desk")
    file = Path(where["credentials"]) / "operator.nk"
    before = file.read_text()
    file.unlink()
    given = dr.json("producer", "add", "ext", "--data", "desk")  # while nothing runs
    assert given["url"] == ""
    with up(dr):
        assert file.read_text() != before
        assert dr.json("halt", *WHO, "--data", "desk")["acknowledged"] == ["risk", "fill"]
        assert "1 sent" in send(dr, "ext")


@contextmanager
def own_server(folder: Path, accounts: str) -> Iterator[int]:
    """A server that is no stack's: encrypted, with the accounts that `dr nats config` printed."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    (folder / "accounts.conf").write_text(accounts)
    port = free_port()
    (folder / "nats.conf").write_text(
        f'listen: "127.0.0.1:{port}"\nmax_payload: 1MB\n'
        f'jetstream {{ store_dir: "{folder}/store", sync_interval: always }}\n'
        f'tls {{ cert_file: "{folder}/cert.pem", key_file: "{folder}/key.pem" }}\n'
        "include accounts.conf\n"
    )
    process = subprocess.Popen(
        [find_nats_server(), "-c", folder / "nats.conf", "-l", folder / "nats.log"]
    )
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def test_an_operator_elsewhere_halts_a_stack_on_a_server_of_ones_own_with_one_file(
    dr: Dr, tmp_path: Path
) -> None:
    dr.run("producer", "list", "--data", "desk", code=2)  # no folder yet
    accounts = dr.run("nats", "config", "--data", "desk")
    assert "SU" not in [word[:2] for word in accounts.split() if len(word) == 58]
    server, stack_folder, elsewhere = (tmp_path / name for name in ("server", "desk", "elsewhere"))
    server.mkdir()
    with own_server(server, accounts) as port:
        shutil.copytree(stack_folder / "nats" / "credentials", elsewhere / "credentials")
        for file in (elsewhere / "credentials").iterdir():
            if file.stem != "operator":
                file.unlink()
        for place, credentials in (
            (stack_folder, "nats/credentials"),
            (elsewhere, "credentials"),
        ):
            shutil.copy(server / "ca.pem", place)
            (place / "nats.toml").write_text(
                f'url = "tls://127.0.0.1:{port}"\ncredentials = "{credentials}"\nca = "ca.pem"\n'
            )
        words = (*WHO, "--data", "desk", "--nats", "elsewhere/nats.toml")
        with up(dr, "--nats", "desk/nats.toml"):
            assert dr.json("halt", *words)["acknowledged"] == ["risk", "fill"]
            read = ("tail", "--no-follow", "--data", "desk", "--nats")
            assert "analyst.nk" in dr.run(*read, "elsewhere/nats.toml", code=3)
            assert "HaltRequested" in dr.run(*read, "desk/nats.toml")
