"""The fitted tagger: learns a plan, keeps it in a small file, and does what is said of the weights that ship."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from workbench.errors import LearningError, ModelError
from workbench.prompting import (
    BrandLexicon,
    RuleSimplifier,
    TaggerSimplifier,
    TitleQuestion,
    fit_tagger,
    load_tagger,
    read_marked,
    save_tagger,
    score_titles,
)
from workbench.prompting._crf import fit_crf
from workbench.prompting.title_tagger import SHIPPED


@pytest.fixture(scope="module")
def weights(marked_files, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "ours.npz"
    save_tagger(fit_tagger(read_marked(marked_files[0])), path)
    return path


def f1(simplifier, marked):
    scores = score_titles(marked, simplifier.simplify([m.question for m in marked]), resamples=50)
    return {s.kind: s.f1.value for s in scores}


def test_it_learns_what_rules_cannot(weights, marked_files):
    test = read_marked(marked_files[1])
    learned, rules = f1(TaggerSimplifier(weights=weights), test), f1(RuleSimplifier(), test)
    assert min(learned.values()) > 0.95, learned
    assert rules["brand"] is None or rules["brand"] < 0.5
    assert rules["model"] is None or rules["model"] < 0.5


def test_the_file_says_the_same_and_is_its_revision(weights, marked_files, tmp_path):
    tagger = load_tagger(weights)
    again = tmp_path / "again.npz"
    save_tagger(tagger, again)
    assert load_tagger(again).digest == tagger.digest
    one, other = TaggerSimplifier(weights=weights), TaggerSimplifier(weights=again)
    questions = [m.question for m in read_marked(marked_files[1])]
    assert [s.title for s in one.simplify(questions)] == [
        s.title for s in other.simplify(questions)
    ]
    assert one.revision == other.revision != TaggerSimplifier().revision
    assert (
        one.revision
        != TaggerSimplifier(weights=weights, lexicon=BrandLexicon(brands={("x",): 1})).revision
    )


def test_the_items_own_brand_and_sellers_talk_go_too(weights):
    simplifier = TaggerSimplifier(weights=weights)
    (found,) = simplifier.simplify(
        [TitleQuestion(title="hot deal wuzzle ground coffee!! 12 Ounce", brands=("Wuzzle",))]
    )
    assert found.title == "ground coffee" and found.by == "tagger:ours.npz"
    assert {r.kind for r in found.removed} == {"promotion", "brand", "size"}


@pytest.mark.parametrize("title", ["", "   ", "!!!", "a", "12", "Ünïcode 🧦 " * 80, "\n\t", "((("])
def test_odd_titles_come_back(weights, title):
    (found,) = TaggerSimplifier(weights=weights).simplify([TitleQuestion(title=title)])
    assert found.original == title and bool(found.title.strip()) == bool(title.strip())


def test_what_cannot_be_learned_from_is_refused(marked_files):
    marked = read_marked(marked_files[0])
    with pytest.raises(LearningError, match="at least 20 titles"):
        fit_tagger(marked[:5])
    with pytest.raises(LearningError, match="with 0 marks"):
        fit_tagger([dataclasses.replace(m, marks=()) for m in marked])


def test_what_are_no_weights_is_refused(tmp_path, weights):
    with pytest.raises(ModelError, match=r"want weights that `fit_tagger` made, got .*none.npz"):
        load_tagger(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no weights")
    with pytest.raises(ModelError, match="want weights that `fit_tagger` made"):
        load_tagger(tmp_path / "text.npz")
    with np.load(weights) as data:
        np.savez(tmp_path / "old.npz", **{**data, "version": np.array(0)})
    with pytest.raises(ModelError, match="version 0"):
        load_tagger(tmp_path / "old.npz")


def test_the_field_finds_the_maximum_and_the_best_path():
    """Against every path of a small problem, by enumeration."""
    import itertools

    rng = np.random.default_rng(0)
    sequences = [
        [[f"x{rng.integers(3)}", "1"] for _ in range(int(rng.integers(1, 5)))] for _ in range(60)
    ]
    labels = [[int(t[0][1] == "0") if rng.random() < 0.8 else 2 for t in s] for s in sequences]
    crf = fit_crf(sequences, labels, kinds=3, forbidden=[(0, 2)], penalty=0.5, least=1)
    # What is forbidden was there, and is never answered.
    assert any((0, 2) in itertools.pairwise(path) for path in labels)

    def score(sequence, path):
        total = float(crf.start[path[0]])
        total += sum(
            float(crf.emissions[crf.features[f], k])
            for t, k in zip(sequence, path, strict=True)
            for f in t
        )
        return total + sum(float(crf.transitions[a, b]) for a, b in itertools.pairwise(path))

    for sequence in sequences[:20]:
        paths = list(itertools.product(range(3), repeat=len(sequence)))
        assert tuple(crf.decode(sequence)) == max(paths, key=lambda p: score(sequence, p))


def test_the_weights_that_ship_are_small_and_have_a_card():
    assert SHIPPED.stat().st_size < 1_000_000
    card = SHIPPED.with_suffix(".md").read_text()
    for word in ("Apache-2.0", "OA-Mine", "F1", "brand", "size", "model"):
        assert word in card
    (found,) = TaggerSimplifier().simplify(
        [TitleQuestion(title="Norrvik Women's Elva Boot, Dark Brown, 8 M US", category="Shoes")]
    )
    assert [(r.text, r.kind) for r in found.removed if r.kind != "brand"] == [
        ("Elva", "model"),
        ("8 M US", "size"),
    ]
    assert "Boot, Dark Brown" in found.title
