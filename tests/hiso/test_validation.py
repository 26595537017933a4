"""Which of several inter-slice trainings is taken."""

from __future__ import annotations

import numpy as np

from hiso.training.validation import best_candidate


def test_a_candidate_that_fails_in_one_world_is_not_outweighed_by_the_others() -> None:
    assert best_candidate(np.array([[25.0, 9.0], [24.0, 10.0], [26.0, 5.0]])) == 1
    assert best_candidate(np.array([[0.0, 9.0], [0.0, 10.0]])) == 1  # where nobody has anything nobody is behind
    assert best_candidate(np.array([[3.0], [3.0]])) == 0
