"""Whatever a file holds, it gives items that a store takes, and problems; or one clear refusal."""

import json
from dataclasses import asdict

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.catalog.tables import TableCatalog
from workbench.errors import CatalogError
from workbench.records import Item, Problem

_CSV_LINES = st.lists(
    st.binary(max_size=40)
    | st.sampled_from(
        [b'1,"a,5', b'1,a"b",5', b"1,a,5,6", b"2,caf\xe9,-1", b"3,\x00,1e999", b'"', b""]
    ),
    max_size=12,
)
_JSON_LINES = st.lists(
    st.binary(max_size=40)
    | st.sampled_from([b'{"id": "\\ud800"}', b'{"id": 1e999}', b"[" * 100_000, b'{"price": 1e400}'])
    | st.dictionaries(
        st.sampled_from(["id", "price", "clicks", "photo", "aspects", "aspect.Color", "aspect."]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
            max_leaves=6,
        ),
    ).map(lambda cells: json.dumps(cells).encode()),
    max_size=8,
)


@given(_CSV_LINES)
@settings(max_examples=150, deadline=None)
def test_a_csv(tmp_path_factory, lines):
    read(tmp_path_factory, "t.csv", b"\n".join([b"id,title,price", *lines]))


@given(_JSON_LINES)
@settings(max_examples=150, deadline=None)
def test_json_lines(tmp_path_factory, lines):
    read(tmp_path_factory, "t.jsonl", b"\n".join(lines))


def read(tmp_path_factory, name, data):
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(data)
    try:
        found = list(TableCatalog(path).items())
    except CatalogError as error:
        assert str(path) in str(error)
        return
    items = [each for each in found if isinstance(each, Item)]
    assert len({item.id for item in items}) == len(items)
    for item in items:
        json.dumps(asdict(item), allow_nan=False).encode()
        str(item).encode("utf-8")
    for problem in (each for each in found if isinstance(each, Problem)):
        assert problem.row >= 1
        assert len(problem.reason) < 400
