"""What each field of a shape means, read from where it is written: the contract's own source."""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Raw, Struct, UnsetType

# Fields that mean the same wherever they stand.
SHARED = {
    "strategy": "the strategy that wishes and holds, by its name",
    "instrument": "what is traded, as SYMBOL.VENUE",
    "venue": "where it is traded, by its name",
    "producer": "who sent the wish, by its name at its door; empty for in-house strategies",
    "signal_id": "id of the wish that the order began with",
    "order_id": "id of the order, the same for all its life",
    "client_order_id": "the name that the venue knows the order by, the same in every attempt",
    "side": "`buy` or `sell`, whatever is held",
    "order_type": "`market`, `limit`, `stop` (market once reached) or `stop_limit`",
    "time_in_force": "`gtc` until cancelled, `ioc` immediate or cancel, `fok` fill or kill",
    "post_only": "never take: rejected if it would trade at once",
    "reduce_only": "never beyond what closes the strategy's own position",
    "actor": "who says so",
    "reason": "why, in words for people",
    "rule": "the rule that decided, by a name for machines",
    "limit": "the rule's limit as in force; null where the rule has no number",
    "measured": "what the rule measured, in the unit of `limit`",
    "limit_set_by": "id of the event that set the limit; null when none did",
    "currency": "in which currency the amounts are",
}


class Field(Struct, frozen=True):
    """One row of a table: a field's name, its type in words, its default, and what it means."""

    name: str
    kind: str
    default: str
    meaning: str


def fields(shape: type[Struct]) -> list[Field]:
    """Every field of a shape; `meaning` is empty for one that nobody explained."""
    hints = get_type_hints(shape)
    comments = _comments(shape)
    sentences = _sentences(docstring(shape))
    return [
        Field(
            name=field.name,
            kind=kind_in_words(hints[field.name]),
            default=_default_in_words(field),
            meaning=_meaning(field.name, comments, sentences),
        )
        for field in msgspec.structs.fields(shape)
    ]


def docstring(shape: type[Struct]) -> str:
    """What the shape says of itself, lines joined to paragraphs."""
    text = inspect.cleandoc(shape.__doc__ or "")
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text))


def caption(shape: type[Struct]) -> str:
    """What the shape says of itself as a whole: its first paragraph, and what names no field."""
    first, *more = docstring(shape).split("\n\n")
    mentions = [f"`{name}`" for name in shape.__struct_fields__]
    rest = [
        sentence
        for paragraph in more
        for sentence in _sentences(paragraph)
        if not any(mention in sentence for mention in mentions)
    ]
    return " ".join([first, *rest])


def _meaning(name: str, comments: dict[str, str], sentences: list[str]) -> str:
    clauses = [clause for sentence in sentences for clause in _clauses(sentence)]
    record = [clause for clause in clauses if f"`{name}`" in clause]
    if name in comments:
        record.append(comments[name])
    if not record and name in SHARED:
        record.append(SHARED[name])
    return ". ".join(record)


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=\.)\s+(?=[A-Z`])", text) if part.strip()]


def _clauses(sentence: str) -> Iterator[str]:
    """A sentence cut before each name that something new is said of.

    >>> list(_clauses("`bid` and `ask` are prices, `a`, `b` (or c) sizes."))
    ['`bid` and `ask` are prices', '`a`, `b` (or c) sizes']
    """
    waiting = ""
    for part in re.split(r"(?<=[,;]) (?=`)", sentence.rstrip(".")):
        waiting = f"{waiting} {part}".strip()
        if not re.fullmatch(r"`\w+`(?: \([^)]*\))?,", part):
            yield waiting.rstrip(",;")
            waiting = ""
    if waiting:
        yield waiting


@cache  # reading the source of all shapes takes a second, and documents ask more than once
def _comments(shape: type[Struct]) -> dict[str, str]:
    """The comment at the end of each field's line."""
    source = textwrap.dedent(inspect.getsource(shape))
    lines = dict(_comment_lines(source))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.ClassDef)
    return {
        node.target.id: lines[node.end_lineno]
        for node in definition.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if node.end_lineno in lines
    }


def _comment_lines(source: str) -> Iterator[tuple[int | None, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")


PLAIN = {
    str: "text",
    int: "integer",
    bool: "true or false",
    Decimal: "amount",
    NoneType: "null",
    Raw: "JSON",
    Any: "any",
}


def kind_in_words(kind: Any) -> str:
    """A field's type as a reader of JSON knows it; an amount is decimal text.

    >>> kind_in_words(dict[str, Decimal] | None)
    'amount by key, or null'
    """
    if kind in PLAIN:
        return PLAIN[kind]
    parts = get_args(kind)
    match get_origin(kind):
        case None:
            return f"[{kind.__name__}](#{kind.__name__.lower()})"
        case origin if origin is Literal:
            return " \\| ".join(f"`{part}`" if part else "empty" for part in parts)
        case origin if origin in (Union, UnionType):
            return ", or ".join(kind_in_words(part) for part in parts if part is not UnsetType)
        case origin if origin is dict and parts[1] is Any:
            return "object"
        case origin if origin is dict:
            return f"{kind_in_words(parts[1])} by key"
        case origin if origin is tuple and parts[-1] is not Ellipsis:
            return f"[{', '.join(kind_in_words(part) for part in parts)}]"
    return f"list of {kind_in_words(parts[0])}"


def _default_in_words(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not NODEFAULT:
        default = field.default_factory()
    elif field.required or isinstance(field.default, UnsetType):
        return ""
    else:
        default = field.default
    return f"`{msgspec.json.encode(default).decode()}`"
