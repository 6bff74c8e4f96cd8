"""Accounts of a nats-server, made from the table of rights: accounts, imports and users."""

import json
from collections.abc import Callable, Iterable, Iterator

from deadreckon.contracts.subjects import ALL, ALL_VERDICTS, VERDICT
from deadreckon.runtime.server.rights import (
    API,
    IMPORTED,
    LOG,
    PULLS,
    READS,
    SERVICES_ACCOUNT,
    VERDICTS,
    Rights,
)

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
    accounts: dict[str, list[Rights]] = {LOG: [], VERDICTS: [], SERVICES_ACCOUNT: []}
    for row in table:
        accounts.setdefault(row.account, []).append(row)
    others = [name for name in accounts if name not in (LOG, VERDICTS)]
    lines: list[str] = []
    for name, rows in accounts.items():
        lines.append(f"{json.dumps(name)} {{")
        if name == LOG:
            lines += ["  jetstream: enabled", *_passages("exports", _exports(others))]
        elif name == VERDICTS:
            lines += _passages("exports", [_entry("stream", ALL_VERDICTS, others)])
        else:
            lines += _passages("imports", _imports(rows))
        lines += [*_users(rows, public_key), "}"]
    return ACCOUNTS_HEAD + "".join(f"  {line}\n" for line in lines) + ACCOUNTS_TAIL


def _users(rows: list[Rights], public_key: Callable[[str], str]) -> Iterator[str]:
    yield "  users: ["
    for row in rows:
        yield f"    # {row.role}: {row.purpose}"
        yield f"    {{ nkey: {public_key(row.role)}, permissions: {{"
        yield f"      publish: {{ allow: {json.dumps(row.publish)} }}"
        yield f"      subscribe: {{ allow: {json.dumps(row.subscribe)} }} }} }}"
    yield "  ]"


def _passages(kind: str, entries: Iterable[str]) -> Iterator[str]:
    yield f"  {kind}: ["
    yield from (f"    {entry}" for entry in entries)
    yield "  ]"


def _entry(kind: str, subject: str, accounts: list[str], more: str = "") -> str:
    return f"{{ {kind}: {json.dumps(subject)}, accounts: {json.dumps(accounts)}{more} }}"


def _exports(others: list[str]) -> Iterator[str]:
    yield _entry("service", ALL, others)
    for request in READS:
        often = ", response: stream" if request == PULLS else ""
        yield _entry("service", f"{API}.{request}", others, often)


def _imports(rows: list[Rights]) -> Iterator[str]:
    """List what an account takes from others: no more of the log than its roles may write."""
    published = [subject for row in rows for subject in row.publish]
    written = [subject for subject in published if not subject.startswith(f"{IMPORTED}.")]
    for subject in written if rows[0].account != SERVICES_ACCOUNT else [ALL]:
        yield f"{{ service: {{ account: {LOG}, subject: {json.dumps(subject)} }} }}"
    if len(written) < len(published):
        for request in READS:
            service = f'{{ account: {LOG}, subject: "{API}.{request}" }}'
            yield f'{{ service: {service}, to: "{IMPORTED}.{request}" }}'
    for subject in (subject for row in rows for subject in row.subscribe):
        if subject.startswith(f"{VERDICT}."):
            yield f"{{ stream: {{ account: {VERDICTS}, subject: {json.dumps(subject)} }} }}"
