"""Makes bad input of good: bytes, structure and meaning changed by chance, the same for a seed.

`Mutator(seed, number)` is one case: whoever fails prints both, and gets the same bytes again.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any


class Token(str):
    """Text that is written into JSON as it stands, for what no encoder would write."""


DIGITS = "9" * 5_000  # more than Python turns into an integer without asking
TOKENS = [
    "NaN",
    "-Infinity",
    "Infinity",
    "1e400",
    "-1e400",
    "-0",
    "-0.0",
    "1e-400",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "00",
    "1.",
    ".5",
    "0x10",
    "True",
    "undefined",
    "'a'",
    '"\\ud800"',
    '"\\udfff\\ud800"',
    '"\\u0000"',
    '"\\x00"',
    '"\x00"',
    DIGITS,
    f"0.{DIGITS}",
    f"1e{DIGITS}",
]
AMOUNTS = [
    "0",
    "-0",
    "-1",
    "1e15",
    "999999999999999",
    "999999999999999.999999999999999999",
    "1000000000000000",
    "0.000000000000000001",
    "0.0000000000000000001",
    "1E+14",
    "1e-18",
    "1e-999",
    "0e999",
    "NaN",
    "sNaN",
    "Infinity",
    "1_000",
    " 1",
    "1,5",
    "٣",
    "+1",
    "",
    DIGITS,
]
TIMES = [
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "1969-12-31T23:59:59.999999999Z",
    "1970-01-01T00:00:00Z",
    "2262-04-11T23:47:16.854775807Z",
    "2262-04-11T23:47:16.854775808Z",
    "9999-12-31T23:59:59.999999999-23:59",
    "2026-02-30T00:00:00Z",
    "2026-03-02T24:00:00Z",
    "2026-03-02T23:59:60Z",
    "2026-03-02",
    "now",
]
TEXTS = [
    "",
    " ",
    "\x00",
    "\n",
    "\u202e",
    "\ufeff",
    "é" * 128,
    "e\u0301",
    "🦆" * 128,
    "a" * 129,
    "x" * 60_000,
    "../../etc/passwd",
    "'; DROP TABLE fills; --",
    "log.desk.risk.>",
    "{}",
    "null",
]
INTEGERS = [0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**30]
CHUNKS = [
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\r\n",
    b'"',
    b"\\",
    b"{",
]
HUGE = 70_000  # bytes, or as deep: some parsers go as deep as what they read


class Mutator:
    """One case of chance."""

    def __init__(self, seed: int | str, number: int) -> None:
        self.random = Random(f"{seed}/{number}")

    def payload(self, sample: bytes, vary: Callable[[Any], Any] | None = None) -> bytes:
        """A message made of a good one; bytes that are no JSON are only changed as bytes.

        `vary` knows what the fields mean, and changes that.
        """
        try:
            content = json.loads(sample)
        except ValueError:
            return self.bytes(sample)
        kind = self.random.random()
        if vary is not None and kind < 0.3:
            return render(vary(content))
        if kind < 0.75:
            for _ in range(self.random.choice([1, 1, 1, 2, 5])):
                content = self.structure(content)
            found = render(content)
            return self.bytes(found) if kind > 0.7 else found
        return self.bytes(sample)

    def bytes(self, sample: bytes) -> bytes:
        """Some bytes flipped, cut, inserted, doubled or far too many."""
        found = bytearray(sample)
        for _ in range(self.random.choice([1, 1, 2, 8])):
            self._disturb(found)
        return bytes(found)

    def _disturb(self, found: bytearray) -> None:
        random = self.random
        at = random.randrange(len(found) + 1)
        end = min(len(found), at + random.choice([1, 1, 4, 64, 1_000]))
        match random.randrange(8):
            case 0 | 1 if at < len(found):
                found[at] ^= 1 << random.randrange(8)
            case 2:
                del found[at:end]
            case 3:
                del found[at:]
            case 4:
                found[at:at] = found[at:end]
            case 5 if random.random() < 0.05:
                found[at:at] = random.choice(CHUNKS) * HUGE
            case 6 if random.random() < 0.05:
                found[at:at] = random.choice([b"[", b'{"a":']) * HUGE
            case _:
                found[at:at] = random.choice(CHUNKS)

    def structure(self, content: Any) -> Any:
        """The same JSON with something in it dropped, doubled, renamed, retyped or too much."""
        if isinstance(content, dict) and content and self.random.random() < 0.95:
            return self._object(dict(content))
        if isinstance(content, list) and content and self.random.random() < 0.9:
            return self._array(list(content))
        return self.value(content)

    def _object(self, content: dict[str, Any]) -> Any:
        random = self.random
        name = random.choice(list(content))
        match random.randrange(9):
            case 0:
                del content[name]
            case 1:
                content[self._renamed(name)] = content.pop(name)
            case 2:  # the same name twice: parsers disagree which of them counts
                return Token(
                    render(content)[:-1].decode("utf-8", "surrogatepass") + self._twice(name)
                )
            case 3:
                content[random.choice([*TEXTS[:10], "stop_lose", "meta", "v"])] = self.value(None)
            case 4 | 5:
                content[name] = self.structure(content[name])
            case _:
                content[name] = self.value(content[name])
        return content

    def _twice(self, name: str) -> str:
        return f",{json.dumps(name)}:{_said(self.value('1'))}}}"

    def _renamed(self, name: str) -> str:
        random = self.random
        return random.choice([name.upper(), name + "s", name[:-1], f" {name}", name + "\x00", ""])

    def _array(self, content: list[Any]) -> Any:
        random = self.random
        at = random.randrange(len(content))
        match random.randrange(5):
            case 0:
                del content[at]
            case 1:
                content.insert(at, content[at])
            case 2 if random.random() < 0.02:
                return content * 2_000
            case 3:
                content[at] = self.value(content[at])
            case _:
                content[at] = self.structure(content[at])
        return content

    def value(self, old: Any) -> Any:
        """Something else where this stood, most often of a type that could stand there."""
        random = self.random
        if isinstance(old, str) and random.random() < 0.6:
            return random.choice([*AMOUNTS, *TIMES, *TEXTS, old + old, old[:-1], old.upper()])
        if isinstance(old, int) and random.random() < 0.6:
            return random.choice([*INTEGERS, old + 1, -old])
        match random.randrange(7):
            case 0:
                return Token(random.choice(TOKENS))
            case 1:
                return random.choice(INTEGERS)
            case 2:
                return random.choice(
                    [None, True, False, 0.1, [], {}, [[]], {"": ""}, [old], {"a": old}]
                )
            case 3:
                return random.choice(AMOUNTS)
            case 4:
                return random.choice(TEXTS)
            case 5:
                return random.choice(TIMES)
        deep = random.choice([5, 16, 17, 2_000])
        return Token("[" * deep + "]" * deep)


def render(content: Any) -> bytes:
    """JSON of a value with tokens in it; no two encoders would agree on some of them."""
    return _said(content).encode("utf-8", "surrogatepass")


def _said(content: Any) -> str:
    if isinstance(content, Token):
        return str(content)
    if isinstance(content, dict):
        inside = (f"{json.dumps(name)}:{_said(item)}" for name, item in content.items())
        return "{" + ",".join(inside) + "}"
    if isinstance(content, list):
        return "[" + ",".join(map(_said, content)) + "]"
    return json.dumps(content, ensure_ascii=False)
