"""Where a refinement stands, from hand-made attempts."""

import pytest

from workbench.judging.attempts import Attempt, Try, ending, verdict_score
from workbench.records import CriterionScore, Generation, Verdict
from workbench.rubric import parse_rubric

RUBRIC = parse_rubric(
    """
name: two
version: 1
judges: image
criteria:
  - {id: fidelity, question: Is it right?, scale: [1, 2, 3, 4, 5], threshold: 4}
  - {id: safe, question: Is it safe?, scale: [no, yes], threshold: 1.5, by: "instrument:safety"}
  - {id: taste, question: Is it nice?, scale: [1, 2, 3], threshold: 2, decides: false}
failure_modes:
  - {id: odd, description: It is odd., criterion: fidelity}
""",
    where="test",
)


def prompt(number, **details):
    return Generation(
        key=f"p{number}", kind="prompt", category="c", model="rules", revision="1", prompt="",
        text=f"words {number}", attempt=number, details=details,
    )  # fmt: skip


def image(number, candidate=0, *, error=None):
    return Generation(
        key=f"i{number}-{candidate}", kind="image", category="c", model="m", revision="1", prompt="",
        image=None if error else "sha256:0", attempt=number,
        details={"candidate": candidate} | ({"error": error} if error else {}),
    )  # fmt: skip


def verdict(fidelity, safe=2.0, *, by="judge", reason=None):
    """A verdict; None: that criterion was not answered."""
    scores = (
        CriterionScore(criterion="fidelity", score=fidelity, by=by, reason=reason,
                       passed=None if fidelity is None else fidelity >= 4),
        CriterionScore(criterion="safe", score=safe, by=by and "instrument:safety", reason=reason,
                       passed=None if safe is None else safe >= 1.5),
        CriterionScore(criterion="taste", score=1.0 if by else None, by=by, passed=False),
    )  # fmt: skip
    deciding = [s.passed for s in scores[:2]]
    approved = False if False in deciding else None if None in deciding else True
    return Verdict(
        key="v", generation="g", judge="j", revision="1", rubric="two@1", scores=scores,
        approved=approved, failure_modes=("odd",) if deciding[0] is False else (),
    )  # fmt: skip


def attempt(number, *verdicts):
    tries = tuple(Try(image=image(number, k), verdict=v) for k, v in enumerate(verdicts))
    return Attempt(number=number, prompt=prompt(number), tries=tries)


def stand(*attempts, limit=4, patience=2):
    return ending(attempts, RUBRIC, limit=limit, patience=patience)


def test_the_score_is_the_mean_of_what_decides():
    assert verdict_score(verdict(3.0), RUBRIC) == pytest.approx((0.5 + 1) / 2)
    assert verdict_score(verdict(3.0, None), RUBRIC) == pytest.approx(0.5)
    assert verdict_score(verdict(None, None), RUBRIC) is None


def test_one_approved_candidate_is_enough():
    found = stand(attempt(1, verdict(2.0), verdict(4.5)))
    assert (found.state, found.best.image.key) == ("approved", "i1-1")


def test_the_first_of_equals_is_the_best():
    found = stand(attempt(1, verdict(2.0), verdict(2.0)), attempt(2, verdict(2.0)))
    assert found.best.image.key == "i1-0"


@pytest.mark.parametrize(
    ("attempts", "said"),
    [
        ([], "no prompt was written yet"),
        ([Attempt(number=1, prompt=prompt(1))], "attempt 1 has no picture yet"),
        ([attempt(1, None)], "attempt 1 is not judged yet"),
        ([attempt(1, verdict(2.0))], "attempt 1 was refused; the best picture fails fidelity"),
    ],
)
def test_what_is_not_finished_says_what_is_missing(attempts, said):
    found = stand(*attempts)
    assert found.state == "open"
    assert found.reason.startswith(said)


def test_the_limit_comes_before_no_progress():
    found = stand(*(attempt(k, verdict(2.0)) for k in (1, 2, 3)), limit=3)
    assert (found.state, found.reason.split(";")[0]) == (
        "gave up",
        "the limit of 3 attempts was reached",
    )


def test_patience_counts_attempts_that_do_not_raise_the_best():
    rising = [attempt(1, verdict(1.0)), attempt(2, verdict(2.0)), attempt(3, verdict(1.5))]
    assert stand(*rising).state == "open"
    found = stand(*rising, attempt(4, verdict(2.0)), limit=9)
    assert (found.state, found.reason.split(";")[0]) == ("gave up", "no progress in 2 attempts")
    assert found.best.image.attempt == 2
    assert stand(*rising, attempt(4, verdict(2.0)), limit=9, patience=0).state == "open"


def test_a_failure_says_why():
    failed = Attempt(number=1, prompt=prompt(1, error="no words"))
    assert stand(failed).reason == "no prompt for attempt 1: no words"
    unmade = Attempt(
        number=1, prompt=prompt(1), tries=(Try(image=image(1, error="no ink"), verdict=None),)
    )
    assert stand(unmade).reason == "no picture at attempt 1: no ink"
    broken = attempt(1, verdict(None, None, by="", reason="gone"))
    assert stand(broken).reason == "no verdict at attempt 1: gone"
    assert {stand(x).state for x in (failed, unmade, broken)} == {"failed"}


def test_what_no_prompt_can_mend_is_not_refined():
    found = stand(attempt(1, verdict(5.0, None, reason="nobody looked")))
    assert found.state == "failed"
    assert found.reason == "no approval is possible: safe is unanswered, nobody looked"
    # A judge that abstains once may answer about the next picture.
    assert stand(attempt(1, verdict(None))).state == "open"


def test_one_candidate_that_failed_does_not_hide_the_others():
    tries = (
        Try(image=image(1, 0, error="no ink"), verdict=None),
        Try(image=image(1, 1), verdict=verdict(5.0)),
    )
    assert stand(Attempt(number=1, prompt=prompt(1), tries=tries)).state == "approved"
