"""Loading a model that ships says nothing, and leaves the libraries' own settings as they were."""

from __future__ import annotations

import pytest

from workbench.models import load_image, load_text
from workbench.models.quiet import in_silence, no_bars


@pytest.mark.parametrize(
    "load", [lambda: load_text("starter:listing"), lambda: load_image("starter:image")]
)
def test_a_model_that_ships_loads_without_a_word(load, capfd):
    load()
    said = capfd.readouterr()
    assert said.out == said.err == ""


def test_bars_and_warnings_are_as_before():
    from diffusers.utils import logging as of_pictures
    from transformers.utils import logging as of_texts

    def told():
        return [
            (one.is_progress_bar_enabled(), one.get_verbosity()) for one in (of_texts, of_pictures)
        ]

    before = told()
    with in_silence(pictures=True):
        assert told() == [(False, of_texts.ERROR), (False, of_pictures.ERROR)]
    with no_bars():
        assert told()[0] == (False, before[0][1])
    assert told() == before
    of_texts.disable_progress_bar()
    try:
        with pytest.raises(KeyError), no_bars():
            raise KeyError
        assert not of_texts.is_progress_bar_enabled(), "bars that were off stay off"
    finally:
        of_texts.enable_progress_bar()
