"""Subjects are few and fixed in form; what is built of them can be taken apart again."""

import re
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.contracts import subjects
from deadreckon.contracts.catalogue import EVENTS, OPERATOR_EVENTS, VERSIONS
from deadreckon.contracts.history import RETIRED
from deadreckon.contracts.subjects import SUBJECTS, Subject

tokens = st.from_regex(subjects.TOKEN, fullmatch=True)


@given(tokens, tokens)
def test_a_commits_subject_lies_in_its_domain(book: str, service: str) -> None:
    domain = subjects.domain(book, service)
    kinds: tuple[Literal["events", "progress"], ...] = ("events", "progress")
    for kind in kinds:
        subject = subjects.commit_subject(book, service, kind)
        assert subject.startswith(domain.removesuffix(">"))
        assert subjects.parse(subject) == Subject(book, service, kind)


@given(tokens, tokens)
def test_doors_are_told_from_domains(book: str, name: str) -> None:
    assert subjects.parse(subjects.producer_subject(book, name)) == Subject(book, "in", name)
    assert subjects.parse(subjects.operator_subject(book, name)) == Subject(book, "op", name)
    assert subjects.parse(subjects.producer_subject(book, name)).is_inbound
    assert subjects.parse(subjects.operator_subject(book, name)).is_inbound
    assert not subjects.parse(subjects.commit_subject(book, "risk", "events")).is_inbound


@pytest.mark.parametrize("name", ["", "a.b", "a b", "*", ">", "a>", "ä", "a\n", "x" * 65, "$SYS"])
def test_a_name_that_would_change_the_subjects_form_is_refused(name: str) -> None:
    for build in (
        subjects.domain,
        subjects.producer_subject,
        subjects.operator_subject,
        subjects.verdict_subject,
        subjects.turn_subject,
        subjects.status_subject,
    ):
        with pytest.raises(ValueError, match="letters, digits"):
            build("desk", name)
        with pytest.raises(ValueError, match="letters, digits"):
            build(name, "risk")


@pytest.mark.parametrize("subject", ["", "log", "log.desk.risk", "log.a.b.c.d", "md.a.b.c"])
def test_what_is_no_subject_of_the_log_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="is not log"):
        subjects.parse(subject)


def test_every_subject_that_is_built_has_a_form_in_the_table() -> None:
    forms = [subject.form for subject in SUBJECTS]
    built = [
        subjects.commit_subject("BOOK", "SERVICE", "events"),
        subjects.commit_subject("BOOK", "SERVICE", "progress"),
        subjects.commit_subject(subjects.SHARED, "market", "events"),
        subjects.commit_subject(subjects.SHARED, "clock", "events"),
        subjects.commit_subject(subjects.SHARED, "verifier", "events"),
        subjects.commit_subject(subjects.SHARED, "sealer", "events"),
        subjects.producer_subject("BOOK", "PRODUCER"),
        subjects.operator_subject("BOOK", "OPERATOR"),
        subjects.verdict_subject("BOOK", "PRODUCER"),
        subjects.turn_subject("BOOK", "SERVICE"),
        subjects.status_subject("BOOK", "SERVICE"),
    ]
    assert [re.sub(r"[A-Z]+", lambda part: f"{{{part[0].lower()}}}", one) for one in built] == forms
    assert [form.startswith("log.") for form in forms] == [subject.kept for subject in SUBJECTS]


# The catalogue.


# Limits have so many fields that they have a file of their own.
OWN_FILES = {"governance.limits_set": "limits", "governance.producer_quota_set": "limits"}


def test_types_are_named_after_their_noun_and_their_class() -> None:
    """One word for one thing: `OrderRouted` of orders.py is `orders.order_routed` on the wire."""
    for name, shape in EVENTS.items():
        noun, _, words = name.partition(".")
        assert shape.__module__ == f"deadreckon.contracts.{OWN_FILES.get(name, noun)}"
        assert "".join(word.capitalize() for word in words.split("_")) == shape.__name__


def test_versions_of_a_type_follow_each_other_without_a_gap() -> None:
    for name, newest in VERSIONS.items():
        assert sorted(v for kind, v in RETIRED if kind == name) == list(range(1, newest))


def test_operators_say_only_what_is_in_the_catalogue() -> None:
    assert set(EVENTS) >= OPERATOR_EVENTS
