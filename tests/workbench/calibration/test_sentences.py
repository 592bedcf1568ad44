"""What a calibration says: the figures of its table, and nothing where there is nothing to say."""

import re

from workbench.calibration import calibrate_arrays
from workbench.calibration._rounded import as_percent, rounded


def test_halves_are_rounded_up_and_alike_in_a_table_and_in_a_sentence():
    assert (rounded(0.6775, 3), as_percent(0.6775)) == ("0.678", "67.8%")
    assert (rounded(-0.0125, 3), as_percent(-0.0125)) == ("−0.013", "−1.3%")
    # 271 / 400 = .6775
    found = calibrate_arrays(
        approved=[True] * 271 + [False] * 129,
        inclusion_probability=[1.0] * 400,
        answer=[True] * 400,
    )
    text = " ".join(str(found).split())
    assert "Recall 0.678" in text
    assert "It approves 67.8%" in text
    assert "False negative rate 0.323" in text  # 129 / 400 = .3225
    assert "by 400 suitable items among 400 answers, of which 129 are about 129 rejections" in text


def test_of_a_constant_judge_is_said_that_its_verdict_says_nothing():
    found = calibrate_arrays(
        approved=[True] * 40, inclusion_probability=[1.0] * 40, answer=[True] * 30 + [False] * 10
    )
    text = " ".join(str(found).split())
    assert (
        "The judge approves everything: an approval says nothing beyond the suitable rate" in text
    )
    assert "rejections." not in text
    assert "Cohen's κ 0.000 — 40" in text
    assert "False negative rate" in found._repr_html_()


def test_one_is_singular_and_one_answer_in_clusters_is_said_to_be_one():
    found = calibrate_arrays(
        approved=[True, False, False, False],
        inclusion_probability=[1.0] * 4,
        answer=[True, True, False, False],
    )
    assert "by 1 answer about 1 approval." in " ".join(str(found).split())
    grouped = calibrate_arrays(
        approved=[True, False, False, False],
        inclusion_probability=[1.0] * 4,
        answer=[True, True, False, False],
        cluster=["a", "a", "b", "c"],
    )
    assert "only one approval was answered" in (grouped.rates.precision.reason or "")


def test_few_answers_are_followed_by_what_to_do():
    found = calibrate_arrays(
        approved=[True] * 30 + [False] * 30,
        confidence=[0.9] * 30 + [0.1] * 30,
        inclusion_probability=[1.0] * 60,
        answer=[True] + [None] * 59,
        promise=0.9,
    )
    text = " ".join(str(found).split())
    assert (
        "answered: 1 approval, 0 rejections. Too few to tell much: answer more approvals and rejections"
        in text
    )
    assert "answer more approvals and rejections first." in found._repr_html_()
    assert "0 of 0" not in text
    assert "59 drawn items have no answer that counts yet" in text
    plenty = calibrate_arrays(
        approved=[True] * 30, inclusion_probability=[1.0] * 30, answer=[True] * 15 + [False] * 15
    )
    assert "Too few to tell" not in str(plenty)


def test_a_failure_mode_that_cannot_be_known_gets_a_sentence():
    found = calibrate_arrays(
        approved=[True, True, False, False],
        inclusion_probability=[None, None, 1.0, 1.0],
        answer=[None, None, False, True],
        failure_modes=[(), (), ("wrong_product",), ()],
    )
    text = " ".join(str(found).split())
    assert "how often “wrong product” gets through are not identifiable: no approval was" in text
    assert "in unknown" not in text


def test_what_several_rates_lack_for_one_reason_is_said_once():
    found = calibrate_arrays(
        approved=[True] + [False] * 11,
        inclusion_probability=[1.0] * 12,
        answer=[True] + [False] * 11,
        cluster=[str((i + 1) // 2) for i in range(12)],
        failure_modes=[()] + [("wrong_color",)] * 11,
    )
    reason = "only one approval was answered"
    assert found.rates.precision.reason is not None and reason in found.rates.precision.reason
    for shown in (str(found), found._repr_html_()):
        words = " ".join(re.sub("<[^>]+>", " ", shown).split())
        assert words.count(reason) == 1
        (said,) = re.findall(rf"Precision, Recall, [^.]+ are not identifiable: {reason}", words)
        assert "Cohen" in said
        assert "Approvals What" not in words, "a section with nothing left has no title"
