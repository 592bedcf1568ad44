"""Photos are encoded by several processes, each its part, whichever of them begins first."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from workbench.training import features as encoding
from workbench.training.features import Features, encode_photos


class Whole(torch.nn.Module):
    """Stands where a family's model stands; what its photos become is given by `_encode` below."""


@pytest.mark.parametrize("processes", [2, 3])
def test_a_process_that_looks_late_leaves_no_photo_out(tmp_path, monkeypatch, processes):
    addresses = [f"{number}" for number in range(11)]
    made = []

    def encode(_core, inputs):
        made.append(inputs["of"])
        return {"pooled": torch.zeros(1, 2)}

    class Reader:
        def photo_inputs(self, several):
            return {"of": several[0]}

    monkeypatch.setattr(encoding, "_encode", encode)
    monkeypatch.setattr(encoding, "core_of", lambda model: model)
    for rank in range(processes):
        late = Features(tmp_path)  # sees all that those before it have written
        assert encode_photos(
            Whole(), Reader(), addresses, late, limit=1e9, autocast=nullcontext, share=(rank, processes)
        )  # fmt: skip
    whole = Features(tmp_path)
    assert all(one in whole for one in addresses)
    assert sorted(made, key=int) == addresses
