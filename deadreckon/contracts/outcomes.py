"""How a verb of the command line ended, as its JSON tells it."""

from typing import Annotated

from msgspec import Meta, Struct


class VerbError(Struct, frozen=True):
    """Reason why a verb failed."""

    rule: Annotated[
        str,
        Meta(
            description="The rule that refused, or usage, environment, difference, unanswered, "
            "interrupted."
        ),
    ]
    message: Annotated[str, Meta(description="The reason in words, for people.")]
    exit_code: int


class VerbOutcome(Struct, frozen=True):
    """Keys that the JSON object of every verb ends with; a verb that fails before it has found
    anything prints them alone."""

    verb: Annotated[str, Meta(description="The verb, such as replay audit.")]
    ok: Annotated[bool, Meta(description="True for exit code 0.")]
    sequence: Annotated[
        int | None,
        Meta(
            description="The sequence of the fact that the verb recorded, else the last of the log "
            "that it speaks of; null where it speaks of none."
        ),
    ]
    error: VerbError | None
