"""Each check finds what is planted for it, and a clean set loses nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from workbench.errors import ModelError, SettingsError
from workbench.preferences import (
    HeldOut,
    Limits,
    Origin,
    PairReader,
    check,
    held_out_of,
    load_reader,
    photo_print,
)


def names(found):
    return {one.name: one.count for one in found.left_out}


def warned(found):
    return {one.name for one in found.warnings}


def test_a_clean_set_loses_nothing_and_warns_of_nothing(clean, prints, processor, kit):
    held_out = HeldOut(
        items=frozenset({"shop/9999"}),
        photos=frozenset({"sha256:" + "f" * 64}),
        prints={"sha256:" + "f" * 64: photo_print(Image.open(io.BytesIO(kit.photo(9999))))},
    )
    found = check(
        clean,
        reader=PairReader(processor, max_length=512),
        prints=prints,
        held_out=held_out,
    )
    assert found.kept == tuple(clean) and found.dropped == ()
    assert warned(found) == set(), str(found)


@pytest.mark.parametrize(
    ("planted", "name"),
    [
        ({"chosen": " "}, "empty"),
        ({"prompt": ""}, "empty"),
        ({"chosen": "A red mug", "rejected": "A red mug"}, "same"),
        ({"chosen": "A red mug", "rejected": " A  red\tmug\n"}, "same"),
        ({"margin": 0.0}, "margin"),
        ({"margin": 0.05}, "margin"),
        ({"margin": float("nan")}, "margin"),
        ({"photos": ("sha256:" + "e" * 64,)}, "photo missing"),
        ({"chosen": "A mug <image> in red"}, "image tokens"),
        ({"prompt": "What is this <|image_pad|>?"}, "image tokens"),
        ({"item": "shop/held"}, "held out"),
    ],
)
def test_one_planted_fault_is_the_only_pair_dropped(clean, prints, planted, name, kit):
    bad = kit.pair(5, **planted)
    pairs = [*clean[:5], bad, *clean[6:60]]
    found = check(pairs, prints=prints, held_out=HeldOut(items=frozenset({"shop/held"})))
    assert names(found) == {name: 1}
    assert [one.pair for one in found.dropped] == [bad]
    assert len(found.kept) == len(pairs) - 1


def test_a_photo_that_is_held_out_leaks_whatever_its_item(clean, prints):
    shown = clean[3].photos[0]
    found = check(clean[:40], prints=prints, held_out=HeldOut(photos=frozenset({shown})))
    assert names(found) == {"held out": 1} and found.dropped[0].pair is clean[3]


def test_a_held_out_photo_leaks_as_a_smaller_jpeg_too(clean, prints, kit):
    original = Image.open(io.BytesIO(kit.photo(3, side=256)))
    copy = io.BytesIO()
    original.resize((180, 180)).save(copy, "JPEG", quality=70)
    away = {"sha256:" + "a" * 64: photo_print(Image.open(copy))}
    found = check(clean[:40], prints=prints, held_out=HeldOut(prints=away))
    assert names(found) == {"held out": 1} and found.dropped[0].pair is clean[3]
    assert "copy of sha256:aaaa" in found.dropped[0].detail


def test_a_pair_that_repeats_an_earlier_one_goes_and_the_first_stays(clean, prints):
    spoken = replace(clean[4], chosen=clean[4].chosen.replace("{", "{ "), item="shop/other")
    found = check([*clean[:40], spoken], prints=prints)
    assert names(found) == {"repeated": 1} and found.dropped[0].pair is spoken


def test_the_same_words_about_another_photo_are_no_repetition(clean, prints):
    other = replace(clean[4], photos=clean[5].photos, item="shop/other")
    assert check([*clean[:40], other], prints=prints).dropped == ()


def test_nearly_the_same_photo_counts_as_the_same(clean, prints, kit):
    copy = io.BytesIO()
    Image.open(io.BytesIO(kit.photo(4))).resize((200, 200)).save(copy, "JPEG", quality=80)
    away = "sha256:" + "c" * 64
    known = {**prints, away: photo_print(Image.open(copy))}
    again = replace(clean[4], photos=(away,), item="shop/other")
    assert names(check([*clean[:40], again], prints=known)) == {"repeated": 1}


def test_a_model_that_reads_the_sides_alike_is_no_teacher(clean, prints, processor, kit):
    long = "Very " * 200
    bad = kit.pair(
        5,
        chosen=kit.text(long + "red", Color="Red"),
        rejected=kit.text(long + "blue", Color="Blue"),
    )
    pairs = [*clean[:5], bad, *clean[6:40]]
    cut = PairReader(processor, max_length=160)
    assert names(check(pairs, reader=cut, prints=prints)) == {"same tokens": 1}
    whole = check(pairs, reader=PairReader(processor), prints=prints)
    assert whole.dropped == ()


def test_photos_take_room_before_the_answer(clean, prints, processor):
    """With little room, what the photo's tokens take decides whether anything of the answer is left."""
    pair = clean[0]
    text = PairReader(processor).prompt_text(pair)
    bare = len(processor.tokenizer(text, add_special_tokens=False)["input_ids"])
    room = PairReader(processor, max_length=bare + 2)
    found = check([pair], reader=room, prints=prints)
    assert names(found) == {"same tokens": 1}
    assert f"takes {bare + 18} of {bare + 2} tokens" in found.dropped[0].detail


def test_what_the_tokenizer_cannot_tell_apart_is_dropped(clean, processor, kit):
    tokenizer = processor.tokenizer
    a, b = "中", "文"
    if tokenizer(a, add_special_tokens=False) != tokenizer(b, add_special_tokens=False):
        assert "same tokens" not in names(
            check([kit.pair(5, chosen=a, rejected=b)], reader=PairReader(processor))
        )
    else:
        assert names(check([kit.pair(5, chosen=a, rejected=b)], reader=PairReader(processor))) == {
            "same tokens": 1
        }


def test_a_model_that_reads_only_takes_no_photos(clean, processor):
    found = check(clean[:3], reader=PairReader(processor.tokenizer))
    assert names(found) == {"image tokens": 3}


def test_longer_is_always_better_is_told(clean):
    longer = [
        replace(p, chosen=p.chosen.replace('"Shape"', '"Care": "By hand", "Shape"'))
        for p in clean[:100]
    ]
    found = check(longer)
    assert "length" in warned(found)
    (measure,) = [one for one in found.measures if one.name == "length"]
    assert measure.estimate.value == 1.0
    shorter = [replace(p, chosen=p.rejected, rejected=p.chosen) for p in longer]
    assert "length" in warned(check(shorter))


def test_form_that_gives_the_answer_away_is_told(clean):
    broken = [replace(p, rejected=p.rejected[:-1] + "]") for p in clean[:100]]
    found = check(broken)
    assert "form" in warned(found) and "length" not in warned(found)
    (over,) = [one for one in found.measures if one.name == "form over length"]
    assert over.estimate.low is not None and over.estimate.low > 0.3


def test_words_that_give_the_answer_away_are_told(clean):
    marked = [
        replace(p, rejected=p.rejected.replace('"title": "', '"title": "Nice '))
        for p in clean[:100]
    ]
    assert "words alone" in warned(check(marked))


def test_pairs_that_ignore_the_photo_are_told(clean):
    blind = [
        replace(
            p, prompt="What is it?", category="", chosen="A fine thing.", rejected=f"A thing {i}."
        )
        for i, p in enumerate(clean[:60])
    ]
    found = check(blind)
    assert "swapped photos" in warned(found)
    (measure,) = [one for one in found.measures if one.name == "swapped photos"]
    assert measure.estimate.value == 1.0 and measure.examples


def test_many_small_edits_are_told(clean):
    small = [replace(p, rejected=p.chosen.replace(", ", " ", 1)) for p in clean[:60]]
    assert "small edits" in warned(check(small))


def test_one_persons_taste_is_told(clean):
    def by(who, pair):
        return replace(pair, origin=replace(pair.origin, annotators=(who,)))

    mine = [by("ada" if i % 5 else "bo", p) for i, p in enumerate(clean[:100])]
    found = check(mine)
    (measure,) = [one for one in found.measures if one.name == "one annotator"]
    assert "ada" in (measure.warning or "") and measure.estimate.value == pytest.approx(0.8)


def test_nobody_asked_is_no_share_and_no_warning(clean):
    judged = [
        replace(p, origin=Origin(rejected=p.origin.rejected, model="m", revision="r"))
        for p in clean[:20]
    ]
    (measure,) = [one for one in check(judged).measures if one.name == "one annotator"]
    assert measure.estimate.value is None and measure.warning is None


def test_no_pairs_are_no_error():
    found = check([])
    assert found.kept == () and found.measures == () and str(found) == "0 of 0 pairs kept."


def test_the_report_is_json_and_says_why(clean, kit):
    import json

    found = check([kit.pair(5, margin=0.0), *clean[6:30]])
    data = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert data["pairs"] == 25 and data["kept"] == 24
    assert data["dropped"][0]["name"] == "margin" and data["dropped"][0]["examples"]
    assert "1 margin: a tie, or a margin under 0.1" in str(found)


@pytest.mark.parametrize("wrong", [{"margin": 2}, {"similarity": 0}, {"alone": -1}])
def test_limits_are_shares(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)


def test_two_pairs_that_say_the_opposite_teach_nothing(clean, prints):
    against = replace(clean[3], chosen=clean[3].rejected, rejected=clean[3].chosen)
    found = check([*clean[:10], against], prints=prints)
    assert names(found) == {"opposed": 2} and len(found.kept) == 9


def test_an_example_shows_where_the_sides_differ(clean):
    small = [replace(p, rejected=p.chosen.replace("}}", ".}}")) for p in clean[:20]]
    (measure,) = [one for one in check(small).measures if one.name == "small edits"]
    assert ".}}" in measure.examples[0] and len(measure.examples[0]) < 80


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("gguf:smollm2", "that can be trained"),
        ("openai:http://localhost:1/v1", "that can be trained"),
        ("dir:/no/such/folder", "it is not there"),
        ("starter:none", "no starter model"),
        ("listing", "want a model as one of"),
    ],
)
def test_a_model_without_a_tokenizer_to_read_with_is_one_sentence(model, says):
    with pytest.raises(ModelError, match=says) as raised:
        load_reader(model)
    assert "\n" not in str(raised.value)


def test_a_length_is_one_token_or_more():
    with pytest.raises(SettingsError, match="got 0"):
        load_reader("starter:listing", max_length=0)


def test_what_a_store_holds_out_is_found_with_its_photos(shop):
    found = held_out_of(shop.store)
    assert found.items == {"shop/5"} and found.photos == set(shop.items[5].photos) == set(
        found.prints
    )
    assert held_out_of(shop.store, prints=False).prints == {}
