"""Nothing that a model writes is refused by a store, and what could be kept is kept as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.models.keepable import keepable
from workbench.models.protocols import Completion
from workbench.records import Generation
from workbench.store import Store


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("a\0b", "a\ufffdb"),
        ("half \ud83d alone", "half \ufffd alone"),
        (r'{"title": "mug\u0000"}', r'{"title": "mug\ufffd"}'),
        (r'{"title": "\ud83d"}', r'{"title": "\ufffd"}'),
        (r'{"title": "\uDC00\ud83d"}', r'{"title": "\ufffd\ufffd"}'),
        (r'{"path": "C:\\u0000"}', r'{"path": "C:\\u0000"}'),
        (r'{"path": "C:\\\u0000"}', r'{"path": "C:\\\ufffd"}'),
        (r'{"title": "\ud83d\ude00 caf\u00e9"}', r'{"title": "\ud83d\ude00 caf\u00e9"}'),
        ("👍 Tasse, כובע", "👍 Tasse, כובע"),
    ],
)
def test_what_no_database_keeps_is_replaced(written, kept):
    assert keepable(written) == kept
    assert Completion(text=written).text == kept


SIGNS = st.text(st.characters(codec=None) | st.sampled_from(list('\\u0d8"')))


@given(SIGNS)
def test_whatever_was_written_is_text_and_stays_as_it_is(written):
    kept = keepable(written)
    kept.encode()
    assert "\0" not in kept and keepable(kept) == kept


@given(SIGNS, st.booleans())
def test_whatever_comes_out_of_json_is_text(written, ascii_only):
    out = json.loads(keepable(json.dumps([written], ensure_ascii=ascii_only)))[0]
    out.encode()
    assert "\0" not in out
    if "\0" not in written and not any("\ud800" <= one <= "\udfff" for one in written):
        assert out == written


def test_a_store_takes_it(tmp_path):
    text = Completion(text='{"title": "\\u0000\\ud800 mug"}\0').text
    one = Generation(
        key="0" * 64, kind="listing", category="mug", model="m", revision="r", prompt="p", text=text,
        details={"read": json.loads(text[:-1])},
    )  # fmt: skip
    with Store.open(tmp_path / "store") as store:
        store.add([one])
        assert next(store.records(Generation)) == one
