"""Accounts of a nats-server, made from the table of rights: accounts, imports and users."""

import json
from collections.abc import Callable, Iterable, Iterator

from deadreckon.contracts.subjects import ALL
from deadreckon.runtime.server.rights import API, IMPORTED, PULLS, READS, Rights

ACCOUNTS_HEAD = """\
accounts {
  SYS {}
"""
ACCOUNTS_TAIL = """\
}
system_account: SYS
"""


def accounts_text(table: Iterable[Rights], public_key: Callable[[str], str]) -> str:
    """Return the accounts of a server's configuration; `public_key` knows a role's.

    Nobody who is not in the table gets in: there is no user for those who do not say who they are.
    """
    rows = list(table)
    lines = [
        *_account("LOG", "jetstream: enabled", rows, public_key, _exports()),
        *_account("SVC", "", rows, public_key, _imports()),
    ]
    return ACCOUNTS_HEAD + "".join(f"  {line}\n" for line in lines) + ACCOUNTS_TAIL


def _account(
    name: str,
    head: str,
    rows: list[Rights],
    public_key: Callable[[str], str],
    passages: Iterator[str],
) -> Iterator[str]:
    yield f"{name} {{"
    if head:
        yield f"  {head}"
    yield "  users: ["
    for row in rows:
        if row.account == name:
            yield f"    # {row.role}: {row.purpose}"
            yield f"    {{ nkey: {public_key(row.role)}, permissions: {{"
            yield f"      publish: {{ allow: {json.dumps(row.publish)} }}"
            yield f"      subscribe: {{ allow: {json.dumps(row.subscribe)} }} }} }}"
    yield "  ]"
    yield from passages
    yield "}"


def _exports() -> Iterator[str]:
    yield "  exports: ["
    yield f'    {{ service: "{ALL}", accounts: [SVC] }}'
    for request in READS:
        often = ", response: stream" if request == PULLS else ""
        yield f'    {{ service: "{API}.{request}", accounts: [SVC]{often} }}'
    yield "  ]"


def _imports() -> Iterator[str]:
    yield "  imports: ["
    yield f'    {{ service: {{ account: LOG, subject: "{ALL}" }} }}'
    for request in READS:
        service = f'{{ account: LOG, subject: "{API}.{request}" }}'
        yield f'    {{ service: {service}, to: "{IMPORTED}.{request}" }}'
    yield "  ]"
