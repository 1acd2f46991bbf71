"""Damaged SVG, PSD and GLB: drawn, or refused by an error of ours that has a code."""

import pytest

from aikit import AikitError, errors
from mesh_files import everything

from .documents import DOCUMENTS, document, drawing, mesh, use_document, use_drawing, use_mesh


def outcome_of(use):
    """The error of ours that a use ends in, or None; any other exception escapes."""
    try:
        use()
    except AikitError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("make", "uses", "count"),
    [(drawing, use_drawing, 30), (document, use_document, 200), (mesh, use_mesh, 300)],
    ids=["svg", "psd", "glb"],
)
def test_damaged_documents_are_used_or_refused(make, uses, count):
    outcomes = [outcome_of(use) for number in range(count) for use in uses(make(20261201, number))]
    refused = [error for error in outcomes if error is not None]
    assert {error.code for error in refused} <= set(errors.CODES)
    assert all(str(error).startswith(f"{error.subject}: expected ") for error in refused)
    # Neither is everything refused, nor is nothing.
    assert 0.1 < len(refused) / len(outcomes) < 0.9


def test_documents_are_whole_before_they_are_mutated():
    for data in DOCUMENTS:
        assert [outcome_of(use) for use in use_document(data)] == [None] * 6


def test_a_mesh_is_whole_before_it_is_mutated():
    assert [outcome_of(use) for use in use_mesh(everything())] == [None] * 6


def test_the_same_number_makes_the_same_file():
    assert [drawing(1, number) for number in range(50)] == [drawing(1, number) for number in range(50)]
    assert len({document(1, number) for number in range(50)}) > 40
