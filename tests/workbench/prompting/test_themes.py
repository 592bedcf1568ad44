"""Themes: named queries over items, and clear words about what is wrong with a file of them."""

from __future__ import annotations

import re

import pytest

from workbench.catalog import open_catalog
from workbench.errors import CatalogError
from workbench.prompting import items_of, load_themes, parse_themes
from workbench.records import Item
from workbench.schema import Attribute, Category, Schema

SCHEMA = Schema(
    name="shop",
    version="1",
    categories={
        "Women/Dresses": Category(
            id="Women/Dresses", name="Dresses", path=("Women", "Dresses"),
            attributes=(Attribute(name="Color", values=("Red", "Blue")),),
        ),
        "Mugs": Category(id="Mugs", name="Mugs", path=("Mugs",)),
    },
)  # fmt: skip
ITEMS = [
    Item(id="s/1", category="Women/Dresses", title="Red summer dress", aspects={"color": ("red",)}, price=20),
    Item(id="s/2", category="Women/Dresses", title="Blue beach dress", aspects={"Color": ("Blue",)}, price=80),
    Item(id="s/3", category="Mugs", title="Red mugs, set", aspects={"Color": ("Red",)}),
    Item(id="s/4", category="Women/Dresses", title=None, aspects={"Color": ("Red", "Blue")}, price=30),
]  # fmt: skip


def found(text):
    return [
        i.id[-1]
        for i in items_of(
            parse_themes(f"themes:\n  - name: t\n    {text}\n", schema=SCHEMA)[0], ITEMS
        )
    ]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("categories: [Women]", ["1", "2", "4"]),
        ("categories: [Mugs]", ["3"]),
        ("aspects: {Color: red}", ["1", "3", "4"]),
        ("aspects: {COLOR: [Blue, Green]}", ["2", "4"]),
        ("title: [dresses, red]", ["1"]),
        ("title_any: [summer, beach]", ["1", "2"]),
        ("title_any: [mug]", ["3"]),
        ("price: {to: 30}", ["1", "4"]),
        ("price: {from: 30, to: 80}", ["2", "4"]),
    ],
)
def test_each_part_of_a_query(query, ids):
    assert found(query) == ids


def test_a_theme_carries_an_id_of_its_own(tmp_path):
    path = tmp_path / "themes.yaml"
    path.write_text(
        "themes:\n  - name: Summer dresses!\n    categories: [Women]\n    title: [summer]\n"
    )
    (theme,) = load_themes(path, schema=SCHEMA)
    assert theme.id == "theme:summer-dresses" and [i.id for i in items_of(theme, ITEMS)] == ["s/1"]


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["Café Tops", "Caf Tops"], ["café-tops", "caf-tops"]),
        (["夏1", "冬1", "夏のドレス"], ["夏1", "冬1", "夏のドレス"]),
        (["कि", "का"], ["कि", "का"]),
        (["❤\ufe0f Red_tops", "ＡＢＣ"], ["red-tops", "abc"]),
    ],
)
def test_names_of_any_language_have_ids_of_their_own(names, ids):
    text = "themes:\n" + "".join(f"  - {{name: {name}, title: [x]}}\n" for name in names)
    assert [theme.id for theme in parse_themes(text)] == [f"theme:{one}" for one in ids]


def test_names_that_differ_in_how_they_are_encoded_are_one_id():
    text = "themes:\n  - {name: Café, title: [x]}\n  - {name: CAFE\u0301, title: [x]}\n"
    with pytest.raises(CatalogError, match="would both have the id 'theme:café'"):
        parse_themes(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("themes: []", "1: themes: want at least 1"),
        ("themes:\n  - name: a\n    colour: [x]\n", "unknown key"),
        ("themes:\n  - name: a\n", "needs at least one of"),
        ("themes:\n  - name: a\n    categories: [Mug]\n", "no such category: 'Mug'; did you mean 'Mugs'?"),
        ("themes:\n  - name: a\n    aspects: {Colr: Red}\n", "no such aspect; did you mean 'Color'?"),
        ("themes:\n  - name: a\n    price: {from: 9, to: 3}\n", "3: themes[0].price: want `from` up to `to`"),
        ("themes:\n  - {name: a b, title: [x]}\n  - {name: A-B, title: [x]}\n", "3: themes[1].name: 'A-B' and themes[0], 'a b', would both have the id 'theme:a-b'; give one"),
        ("themes: [", "this is no YAML"),
        ("themes:\n  - {name: '!?', title: [x]}\n", "2: themes[0].name: want a name with a letter or a digit, got '!?'"),
        ('themes:\n  - {name: "a\\nb", title: [x]}\n', r"2: themes[0].name: want a name on one line, without signs that turn its direction, got 'a\nb'"),
        ('themes:\n  - {name: "a\\u202eb", title: [x]}\n', r"got 'a\u202eb'"),
        ("themes:\n  - name: a\n    price: {from: 1.0e300, to: .inf}\n", "3: themes[0].price.to: want a finite number, got inf; leave `to` out"),
        ("themes:\n  - name: a\n    price: {from: '10'}\n", "3: themes[0].price.from: want a number, got '10'"),
        *((f"themes:\n  - name: a\n    {part}\n", f"3: themes[0].{part.partition(':')[0]}: this holds for every item, got ")
          for part in ("title: []", "title_any: []", "price: {}", "price: {from: }", "categories: []", "aspects: {}")),
        ('themes:\n  - name: a\n    title: [""]\n', "3: themes[0].title[0]: want a word or a number, got '', which any title holds"),
        ("themes:\n  - name: a\n    title_any: [mug, '!']\n", "3: themes[0].title_any[1]: want a word or a number, got '!'"),
        ("themes:\n  - name: a\n    aspects: {Color: []}\n", "3: themes[0].aspects.Color: want at least one value"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(text, said):
    with pytest.raises(CatalogError) as error:
        parse_themes(text, where="themes.yaml", schema=SCHEMA)
    assert said in str(error.value) and "themes.yaml:" in str(error.value)


def unfolding(lists):
    """An alias within an alias: eight times as many words with each line."""
    lines = [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 8)}]" for k in range(1, lists)]
    theme = f"themes: [{{name: a, categories: *a{lists - 1}}}]"
    return "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x]", *lines, theme, ""])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("themes: &t\n  - {name: a, categories: *t}\n", "themes.yaml:1: this value holds an alias of itself"),
        (unfolding(8), "with its aliases written out this holds more than 100,000 values"),
        ("themes: " + "[" * 400 + "]" * 400, "themes.yaml:1: the values are nested too deeply"),
        ("themes: !!python/object/apply:os.system ['echo hi']\n", "themes.yaml:1: themes[0]: want keys and values, got 'echo hi'"),
        ("themes:\n  - &t {name: a, title: [x]}\n  - {<<: *t, name: b, titel: [x]}\n", "titel: unknown key; did you mean 'title'"),
        ("themes:\n  - &t {name: a, title: [5]}\n  - {<<: *t, name: b}\n", "themes[1].title[0]: want text, got 5"),
    ],
)  # fmt: skip
def test_yaml_that_is_odd_is_refused_in_a_sentence(text, said):
    with pytest.raises(CatalogError) as error:
        parse_themes(text, where="themes.yaml", schema=SCHEMA)
    assert said in str(error.value)


def test_an_alias_stands_for_what_it_names():
    one, two = parse_themes("themes:\n  - &t {name: a, title: [x]}\n  - {<<: *t, name: b}\n")
    assert (one.name, two.name, two.title) == ("a", "b", ("x",))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CatalogError, match="want a YAML file of themes"):
        load_themes(tmp_path / "none.yaml")


def test_the_file_that_readme_shows_finds_items(repository):
    (shown,) = re.findall(
        r"^```yaml\n(themes:.*?)^```", (repository / "README.md").read_text("utf-8"), re.M | re.S
    )
    catalog = open_catalog("drawn:seed=7,items=300,size=64")
    (theme,) = parse_themes(shown, schema=catalog.schema)
    assert items_of(theme, [one for one in catalog.items() if isinstance(one, Item)])
