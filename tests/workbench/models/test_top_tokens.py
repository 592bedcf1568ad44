import math

import pytest

from workbench.models.protocols import Question
from workbench.models.top_tokens import cannot_be_told_apart, read_answers


def top(**probabilities):
    return [(token.replace("_", " "), math.log(p)) for token, p in probabilities.items()]


def test_a_token_counts_in_any_case_with_or_without_a_space():
    answer = read_answers(top(yes=0.3, _Yes=0.2, no=0.1, maybe=0.4), ("yes", "no"))
    assert answer.distribution == pytest.approx((5 / 6, 1 / 6))
    assert answer.coverage == pytest.approx(0.6)


def test_an_answer_of_several_tokens_is_known_by_its_longest_beginning():
    answer = read_answers(top(d=0.3, de=0.1, defec=0.2, sound=0.2), ("defective", "sound"))
    assert answer.distribution == pytest.approx((0.5, 0.5))


def test_a_beginning_that_two_answers_share_decides_nothing():
    answer = read_answers(top(b=0.6, bla=0.1, blu=0.3), ("black", "blue"))
    assert answer.distribution == pytest.approx((0.25, 0.75))


def test_an_unlisted_answer_gets_the_most_that_it_can_have():
    """Listed: .5, .3, .1; not listed: .1 for two answers, so .05 each, which is under the least listed."""
    answer = read_answers(top(a=0.5, x=0.3, y=0.1), ("a", "b", "c"))
    assert answer.distribution == pytest.approx((0.5 / 0.6, 0.05 / 0.6, 0.05 / 0.6))
    assert answer.coverage == pytest.approx(0.6)


def test_a_model_that_thinks_of_something_else_answers_evenly_with_little_coverage():
    answer = read_answers(top(The=0.9, A=0.09, In=0.001), ("yes", "no"))
    assert answer.distribution == pytest.approx((0.5, 0.5))
    assert answer.coverage == pytest.approx(0.002)


def test_nothing_listed_is_an_error_and_no_even_answer():
    answer = read_answers([], ("yes", "no"))
    assert answer.distribution == () and answer.error is not None


@pytest.mark.parametrize(
    "answers", [("1", "10"), ("no", "not sure"), ("yes", "Yes"), ("a",), ("a", " ")]
)
def test_answers_that_one_token_cannot_tell_apart_are_named(answers):
    assert "answers" in cannot_be_told_apart(Question(text="?", answers=answers))


def test_a_scale_of_digits_is_fine():
    assert cannot_be_told_apart(Question(text="?", answers=tuple("12345"))) is None
