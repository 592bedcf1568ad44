"""What is told of one output beside its picture."""

from __future__ import annotations

import pandas as pd

from annotation.notebook._item import item_of
from annotation.notebook._rows import rows_of_frame


def test_a_price_is_told_as_money_is():
    frame = pd.DataFrame([{"key": "a", "price": 56.80076827620839, "category": "hat"}])
    facts = dict(item_of(rows_of_frame(frame), 0, None)["facts"])
    assert facts["price"] == "56.80" and facts["category"] == "hat"
    own = pd.DataFrame([{"key": "a", "price": "on request"}])
    assert dict(item_of(rows_of_frame(own), 0, None)["facts"])["price"] == "on request"
