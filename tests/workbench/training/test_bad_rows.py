"""Bad rows are named one by one before anything is trained."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from workbench.errors import LearningError, SettingsError
from workbench.training import (
    Example,
    Reader,
    Turn,
    check_rows,
    load_plan,
    mix,
    to_dataset,
    train_dpo,
)
from workbench.training.opening import open_trainable
from workbench.training.plan import plan_names


@pytest.fixture(scope="module")
def processor(backbone):
    return open_trainable(backbone("tiny"), attention="eager").processor


def large() -> bytes:
    out = io.BytesIO()
    Image.new("L", (5000, 4000)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def photos(kit):
    """Opens photos; one is missing, one is no picture, one has 20 megapixels, one is cut off."""

    def opened(address: str) -> bytes:
        if address == "missing":
            raise FileNotFoundError(address)
        if address == "words":
            return b"not a picture at all"
        if address == "large":
            return large()
        return kit.photo("1")[:200] if address == "cut" else kit.photo(address)

    return opened


PLANTED = {
    1: ({"photos": ("missing",)}, "photo missing: 'missing' is not there"),
    2: ({"chosen": '{"title": "Red M'}, "truncated JSON: chosen ends as"),
    3: ({"chosen": "  "}, "chosen empty"),
    4: ({"photos": ("large",)}, "photo too large: 'large' has 20.0 megapixels, the plan allows 16"),
    5: ({"prompt": "What is in <image> here?"}, "image tokens: prompt holds '<image>'"),
    6: ({"photos": ("words",)}, "photo unreadable"),
    7: ({"photos": ("cut",)}, "photo unreadable"),
}


def test_each_bad_row_is_named_with_what_to_do(processor, photos, kit):
    pairs = kit.pairs(9)
    for place, (change, _) in PLANTED.items():
        pairs[place] = replace(pairs[place], **change)
    pairs[8] = replace(pairs[8], rejected=pairs[8].chosen)
    with pytest.raises(LearningError) as caught:
        check_rows(pairs, Reader(processor, photos), load_plan("cpu", "dpo"), what="pairs")
    told = str(caught.value)
    assert told.startswith("8 of 9 pairs cannot be trained on (")
    lines = told.splitlines()
    for place, (_, said) in PLANTED.items():
        assert any(one.startswith(f"  row {place + 1} (shop/{place}): {said}") for one in lines), (
            said
        )
    assert "row 9 (shop/8): same: chosen and rejected are the same" in told
    assert "row 1 " not in told


def test_nothing_is_trained_before_all_rows_are_read(backbone, photos, kit, plan, tmp_path):
    pairs = [*kit.pairs(8), replace(kit.pairs(1, first=9)[0], photos=("missing",))]
    with pytest.raises(LearningError, match="1 of 9 rows to learn from"):
        train_dpo(backbone("tiny"), pairs, plan=plan("dpo"), out=tmp_path / "run", photos=photos)
    assert not list((tmp_path / "run").glob("checkpoints/*"))


def test_places_of_photos_are_as_many_as_photos(backbone, kit):
    """A template that knows of one photo, and a row that has two."""
    processor = open_trainable(backbone("llava-next"), attention="eager").processor
    processor.chat_template = processor.chat_template.replace(
        "{% if c['type'] == 'image' %}<image>\n{% else %}",
        "{% if c['type'] == 'image' %}{% else %}",
    )
    with pytest.raises(LearningError, match=r"row 1 .*image tokens: 1 photos have other places"):
        check_rows(kit.pairs(1), Reader(processor, kit.photo), load_plan("cpu", "dpo"))


def test_a_row_that_is_too_long_is_named_and_never_cut(processor, kit):
    plan = replace(load_plan("cpu", "dpo"), max_length=60)
    with pytest.raises(LearningError, match=r"too long: \d+ tokens, the plan allows 60"):
        check_rows(kit.pairs(2), Reader(processor, kit.photo), plan)


def test_many_bad_rows_are_counted(processor, kit):
    pairs = [replace(one, chosen="") for one in kit.pairs(30)]
    with pytest.raises(LearningError, match=r"30 of 30 rows .*30 chosen empty") as caught:
        check_rows(pairs, Reader(processor, kit.photo), load_plan("cpu", "dpo"))
    assert len(str(caught.value).splitlines()) == 22 and "and 10 more" in str(caught.value)


def test_a_talk_of_several_rounds_learns_every_answer(processor, kit):
    talk = ("Colour?", "It is red.", "Material?", "Clay.")
    turns = tuple(Turn(role=("user", "assistant")[i % 2], text=one) for i, one in enumerate(talk))
    example = Example(turns=turns, photos=("1",))
    row = Reader(processor, kit.photo).example(example)
    learnt = processor.tokenizer.decode(row.ids[row.learnt].tolist())
    assert "It is red." in learnt and "Clay." in learnt and "?" not in learnt
    with pytest.raises(LearningError, match="turns: want user and assistant in turn"):
        check_rows(
            [replace(example, turns=turns[:3])],
            Reader(processor, kit.photo),
            load_plan("cpu", "sft"),
        )


def test_lengths_are_told(processor, kit):
    checked = check_rows(kit.pairs(6), Reader(processor, kit.photo), load_plan("cpu", "dpo"))
    told = checked.tokens
    rows = checked.rows
    assert told.tokens == sum(len(r.prompt) + len(r.chosen) + len(r.rejected) for r in rows)
    assert told.learnt_tokens == sum(len(r.chosen) + len(r.rejected) for r in rows)
    assert told.photo_tokens == 6 * 16 and "6 rows" in str(told)


def test_a_mixture_follows_its_weights_and_seed(kit):
    rows = [one.chosen_example() for one in kit.pairs(20)]
    parts = {"raw": rows[:10], "dialogue": rows[10:]}
    mixed = mix(parts, {"raw": 0.5, "dialogue": 2.3}, seed=3)
    assert len(mixed) == 5 + 23
    assert mixed == mix(parts, {"raw": 0.5, "dialogue": 2.3}, seed=3)
    assert mixed != mix(parts, {"raw": 0.5, "dialogue": 2.3}, seed=4)
    counts = [mixed.count(one) for one in rows[10:]]
    assert sorted(counts) == [2] * 7 + [3] * 3
    with pytest.raises(LearningError, match="got one for 'unknown'"):
        mix(parts, {"unknown": 1.0})
    with pytest.raises(LearningError, match="no example is left"):
        mix(parts, {"raw": 0, "dialogue": 0})


def test_rows_are_conversations_of_hugging_face(kit):
    pairs = kit.pairs(3, photos=2)
    table = to_dataset(pairs, kit.photo)
    assert set(table.column_names) == {
        "images",
        "prompt",
        "chosen",
        "rejected",
        "item",
        "source",
        "key",
    }
    assert [one.size for one in table[1]["images"]] == [(84, 70), (56, 84)]
    assert table[1]["chosen"] == [{"role": "assistant", "content": pairs[1].chosen}]
    examples = to_dataset([one.chosen_example() for one in pairs], kit.photo)
    assert examples[0]["completion"] == [{"role": "assistant", "content": pairs[0].chosen}]


def test_the_plans_that_ship_are_read(tmp_path):
    assert plan_names() == ("cpu", "one-gpu", "opal-8gpu")
    for name in plan_names():
        assert load_plan(name, "sft").method == "sft" and load_plan(name, "dpo").method == "dpo"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sft:\n  learning_rate: 1\n  bach: 3\n", r"mine.yaml:3: sft.*bach"),
        ("sft:\n  learning_rate: 1\n  learning_rate: 2\n", "mine.yaml:3"),
        ("sft:\n  learning_rate: -1\n", "want `learning_rate` of over 0 in a training plan, got -1"),
        ("sft:\n  learning_rate: 1\n  warmup: 10\n", "want `warmup` of 0 to 1"),
        ("dpo:\n  learning_rate: 1\n", "want a section `sft`"),
        ("sft:\n  learning_rate: 1\n  weights: lora\n  projector: tuned\n", "adapters are on the part"),
        ("sft: [1, 2]\n", "mine.yaml:1"),
    ],
)  # fmt: skip
def test_a_wrong_plan_is_told_by_line(text, said, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=said):
        load_plan(file, "sft")


def test_a_plan_that_is_not_there_names_those_that_are():
    with pytest.raises(SettingsError, match=r"cpu, one-gpu, opal-8gpu or a YAML file; got 'gpu'"):
        load_plan("gpu", "sft")
