"""Rubric to page to answer: whatever a rubric, a listing or a person writes, it comes back as it was meant."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from page_samples import KINDS, PICTURES, answered, image, listing, region, shown

from annotation.label_studio.interfaces import (
    build_interface,
    instructions,
    read_result,
    task_data,
    write_result,
)
from workbench.errors import LabelStudioError
from workbench.records import Listing
from workbench.rubric import Criterion, Example, Rubric, load_rubric
from workbench.schema import Attribute, Category, Schema

NASTY = '<b>"it\'s" & $price $aspects[0].name ]]> <!-- { --> \x00\x1b\ud800 name="verdict" 🎁 \u202eمرحبا'


# ---- what Label Studio takes ---------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_a_page_and_its_tasks_are_what_the_sdk_calls_valid(kind, name):
    from label_studio_sdk.label_interface import LabelInterface

    rubric = load_rubric(name)
    generation = image() if rubric.judges == "image" else listing()
    interface, data = shown(kind, rubric, generation)
    label_interface = LabelInterface(interface.config)
    label_interface.validate()
    assert label_interface.validate_task({"data": data})
    assert {control.name for control in label_interface.controls} == set(interface.controls)


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_every_variable_of_a_config_is_in_every_task(kind, name):
    """One task that lacks a key rejects its whole batch."""
    rubric = load_rubric(name)
    bare = listing(listing=Listing(title=""), inputs=())
    interface, data = shown(kind, rubric, image() if rubric.judges == "image" else bare)
    wanted = set(re.findall(r"\$(\w+)", interface.config))
    assert wanted | {"generation", "rubric", "against", "order"} >= set(data) >= wanted
    assert not any(data[name] is None for name in wanted)


def test_a_pairwise_tag_would_have_no_tie_and_no_valid_prediction():
    from label_studio_sdk.label_interface import LabelInterface

    tag = (
        '<View><Text name="a" value="$a"/><Text name="b" value="$b"/>'
        '<Pairwise name="better" toName="a,b"/></View>'
    )
    # As the page sends it: to itself. `left` and `right` are all that it can say.
    value = {"selected": "left"}
    said = {"from_name": "better", "to_name": "better", "type": "pairwise", "value": value}
    assert not LabelInterface(tag).validate_prediction({"result": [said]})
    interface = build_interface("pair", load_rubric("listing"))
    assert interface.controls["preference"].choices == ("a", "b", "tie", "neither")


def test_a_repeater_would_hide_its_questions_from_the_sdk():
    from label_studio_sdk.label_interface import LabelInterface

    tag = (
        '<View><Repeater on="$aspects" indexFlag="{{i}}"><Text name="a_{{i}}" value="$aspects[{{i}}].t"/>'
        '<Choices name="is_{{i}}" toName="a_{{i}}"><Choice value="right"/></Choices></Repeater></View>'
    )
    said = region("is_0", "a_0", choices=["right"])
    assert not LabelInterface(tag).validate_prediction({"result": [said]})
    interface, data = shown("listing", load_rubric("listing"), listing())
    result = write_result(interface, answered(interface.rubric), data)
    assert (
        LabelInterface(interface.config).validate_prediction({"result": result}, return_errors=True)
        == []
    )


def test_a_condition_stands_on_a_view_and_not_on_a_question():
    for kind, name in KINDS:
        config = build_interface(kind, load_rubric(name)).config
        assert not re.search(r"<(?!View)\w+[^>]* visibleWhen=", config)


@pytest.mark.parametrize("name", ["a", "a" * 49, "a" * 300])
@pytest.mark.parametrize("kind", ["pair", "correction"])
def test_a_title_has_3_to_50_characters(kind, name):
    rubric = replace(load_rubric("listing"), name=name)
    assert 3 <= len(build_interface(kind, rubric).title) <= 50


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_every_choice_has_a_key_of_its_own_that_label_studio_leaves_free(kind, name):
    config = build_interface(kind, load_rubric(name)).config
    keys = re.findall(r'<Choice [^>]*hotkey="([^"]+)"', config)
    assert len(keys) == config.count("<Choice "), "Label Studio gives its own to a choice without"
    assert len(set(keys)) == len(keys)
    assert not {"u", "h", "v", "shift+1", "shift+2", "enter", "escape", "[", "]"} & set(keys)


def test_a_rubric_with_more_choices_than_keys_is_still_a_page():
    criteria = tuple(
        Criterion(id=f"c{i}", question=f"Q{i}", scale=tuple("12345"), threshold=3)
        for i in range(40)
    )
    rubric = Rubric(name="long", version=1, judges="image", criteria=criteria)
    config = build_interface("image", rubric).config
    questions = re.findall(
        r'<View className="([^"]+)"><Header[^>]*>(<Choices .*?</Choices>)', config
    )
    pressed = []
    for name, question in questions:
        keys = re.findall(r'hotkey="([^"]+)"', question)
        silent = [key for key in keys if key >= "\ue000"]
        assert silent in ([], keys), "a question has all of its keys, or none"
        assert ("wb-silent" in name) == bool(silent)
        pressed += keys
    assert len(pressed) == len(set(pressed)) == 202
    assert 50 < len([key for key in pressed if key < "\ue000"]) < 200


def test_choices_that_answers_hold_stay_on_the_page():
    """The server refuses a project's new page that lacks a choice of an answer or draft that is there."""
    controls = build_interface("listing", load_rubric("listing")).controls
    for row in ("title", "aspect_1", "price"):
        assert controls[f"{row}_is"].choices == ("right", "wrong", "unseen")
        assert not controls[f"{row}_fix"].required, "it shows only where a row is wrong"
    assert controls["verdict"].choices == ("approved", "rejected")
    modes = {mode.id for mode in load_rubric("listing").failure_modes} - {"no_output"}
    assert {*controls["failure_modes"].choices} == modes | {"something-else"}
    assert {"missing", "note"} < set(controls)


def test_rows_of_a_listing_go_down_the_keyboard():
    config = build_interface("listing", load_rubric("listing")).config
    rows = [
        re.findall(r'hotkey="([^"]+)"', row)
        for row in re.findall(r'<Choices name="\w+_is".*?</Choices>', config)
    ]
    pressed = [keys for keys in rows if keys[0] < "\ue000"]
    assert pressed[:5] == [["q", "a", "z"], ["w", "s", "x"], ["e", "d", "c"], ["t", "g", "b"],
                           ["shift+q", "shift+a", "shift+z"]]  # fmt: skip
    assert len(pressed) > 10
    columns = ("qaz", "wsx", "edc", "tgb")
    assert all("".join(key[-1] for key in keys) in columns for keys in pressed)


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_a_digit_is_the_number_of_its_point_and_no_key_depends_on_a_layout(kind, name):
    config = build_interface(kind, load_rubric(name)).config
    choices = re.findall(r'<Choice [^>]*alias="(\w+)"[^>]*hotkey="([^"]+)"', config)
    assert not [key for _, key in choices if re.search(r"\+\d", key)]
    digits = [(alias, key) for alias, key in choices if key.isdigit()]
    if kind in {"image", "listing"}:
        assert digits == [(digit, digit) for digit in "12345"]


def test_nobody_can_press_a_key_of_the_hidden_question():
    _, data = shown("listing", load_rubric("listing"), listing())
    keys = [slot["hotkey"] for slot in data["slots"]]
    assert len(set(keys)) == len(keys) == 2
    assert all(len(key) == 1 and "\ue000" <= key <= "\uf8fe" for key in keys)


def test_the_message_of_an_open_question_says_which_one_it_is():
    for kind, name in KINDS:
        config = build_interface(kind, load_rubric(name)).config
        said = re.findall(r'<Choices [^>]*requiredMessage="([^"]+)"', config)
        assert len(set(said)) == len(said) > 0
    config = build_interface("listing", load_rubric("listing")).config
    assert 'value="2. $aspect_2_name"' in config
    assert "Row 2 is not answered yet: is it right?" in config
    assert "Row 2 is wrong: write what is right, or choose: Not seen: take out." in config


def test_data_columns_begin_with_texts_and_end_with_technical_values():
    """The server lists the columns of its Data Manager in the order of the page."""
    config = build_interface("listing", load_rubric("listing")).config
    columns = re.findall(r'name="\w+"[^>]* value="\$(\w+)"', config)
    assert columns[0] == "title"
    assert columns[-2:] == ["photos", "slots"]


def test_a_listing_page_has_room_for_the_largest_category_and_says_what_is_missing():
    many = Category(
        id="mugs", name="Mugs", path=("Mugs",),
        attributes=(*(Attribute(name=f"A{i}") for i in range(20)), Attribute(name="Size", visible="no")),
    )  # fmt: skip
    schema = Schema(name="s", version="1", categories={"mugs": many})
    stated = Listing(title="t", aspects={f"A{i}": ("x",) for i in range(1, 20)})
    interface, data = shown(
        "listing", load_rubric("listing"), listing(listing=stated), schema=schema
    )
    assert interface.slots == 25
    assert data["unstated"] == "Not stated: A0"
    with pytest.raises(
        LabelStudioError, match="states 26 aspects, and the interface has room for 25: leave it out"
    ):
        task_data(
            interface,
            listing(listing=Listing(title="t", aspects={f"B{i}": ("x",) for i in range(26)})),
            None,
            pictures=PICTURES,
        )


# ---- what must not be shown ----------------------------------------------------------------------


def test_a_task_tells_nothing_of_a_judge():
    _, data = shown("image", load_rubric("category-image"), image())
    assert set(data) == {"generation", "rubric", "image", "topic", "prompt"}


@pytest.mark.parametrize("kind", ["image", "listing", "pair", "correction"])
def test_an_output_that_is_missing_is_no_task(kind):
    name = "category-image" if kind == "image" else "listing"
    generation = image(image=None) if kind == "image" else listing(listing=None)
    with pytest.raises(LabelStudioError, match="needs no person to reject it"):
        shown(kind, load_rubric(name), generation)


def test_a_picture_that_nobody_serves_is_refused():
    with pytest.raises(LabelStudioError, match=r"want a URL for picture 'sha256:zzz'"):
        shown("image", load_rubric("category-image"), image(image="sha256:zzz"))


def test_a_rubric_and_a_generation_of_another_kind_are_refused():
    with pytest.raises(LabelStudioError, match="judges listings: an interface of kind 'image'"):
        build_interface("image", load_rubric("listing"))
    with pytest.raises(LabelStudioError, match="is of kind 'listing'"):
        shown("image", load_rubric("category-image"), listing())
    with pytest.raises(LabelStudioError, match=r"want an interface of image, .*, got 'video'"):
        build_interface("video", load_rubric("listing"))


# ---- pairs ---------------------------------------------------------------------------------------


def test_sides_are_shuffled_by_their_keys_and_unshuffled_on_return():
    interface = build_interface("pair", load_rubric("category-image"))
    firsts = []
    for number in range(200):
        first, other = image(f"{number:064}"), image(f"{number + 1000:064}", image="sha256:d")
        data = task_data(interface, first, None, pictures=PICTURES, against=other)
        assert data == task_data(interface, first, None, pictures=PICTURES, against=other)
        firsts.append(data["side_a"] == PICTURES["sha256:a"])
        chosen = "a" if firsts[-1] else "b"
        said = read_result(interface, [region("preference", "asked", choices=[chosen])], data)
        assert said.preferred == "generation"
        assert said.approved is None
    assert 70 < sum(firsts) < 130  # a fair coin: 100, with a standard deviation of 7


def test_a_pair_wants_another_generation_of_the_same_kind():
    interface = build_interface("pair", load_rubric("category-image"))
    for other in (None, image(), listing()):
        with pytest.raises(LabelStudioError, match="want another generation of kind 'image'"):
            task_data(interface, image(), None, pictures=PICTURES, against=other)


def test_a_pair_without_its_order_is_refused():
    interface, data = shown("pair", load_rubric("category-image"), image())
    with pytest.raises(LabelStudioError, match="want `order` to be "):
        read_result(
            interface, [region("preference", "asked", choices=["a"])], data | {"order": "?"}
        )


# ---- instructions --------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_instructions_begin_with_the_keys(kind, name):
    html = instructions(build_interface(kind, load_rubric(name)), pictures={})
    first, *others = re.findall(r"<p>(.*?)</p>", html)
    assert first.startswith("<b>Your task. </b>")
    assert "Ctrl+Enter" in first
    assert not any("Ctrl+Enter" in one for one in others)


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_instructions_hold_the_rubric_in_its_own_words(kind, name):
    from html import unescape

    rubric = load_rubric(name)
    text = " ".join(unescape(instructions(build_interface(kind, rubric), pictures={})).split())
    said = [
        rubric.instructions,
        *(c.question for c in rubric.criteria),
        *(p for c in rubric.criteria for p in c.points),
        *(m.description for m in rubric.failure_modes),
        *(part for e in rubric.examples for part in (e.output, e.why)),
    ]
    assert all(" ".join(one.split()) in text for one in said)


def test_an_example_shows_its_picture_where_it_is_served_and_nothing_in_it_runs():
    rubric = replace(
        load_rubric("listing"),
        instructions=NASTY,
        examples=(
            Example(
                output="<script>x</script>", criterion="color", point="no", why=NASTY, photo="p.png"
            ),
            Example(output="other", criterion="color", point="no", why="w", photo="unserved.png"),
        ),
    )
    html = instructions(
        build_interface("listing", rubric), pictures={"p.png": '/p.png" onerror="x'}
    )
    assert 'src="/p.png&quot; onerror=&quot;x"' in html
    assert html.count("<img") == 1
    assert "<script" not in html
    assert "\x00" not in html
