"""Bars and remarks of libraries, kept out of notebooks and terminals while a model is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def no_bars(*, pictures: bool = False) -> Iterator[None]:
    """No progress bars of transformers, and for `pictures` none of diffusers; afterwards as before."""
    from transformers.utils import logging as of_texts

    with ExitStack() as stack:
        stack.enter_context(_without_bars(of_texts))
        if pictures:
            from diffusers.utils import logging as of_pictures

            stack.enter_context(_without_bars(of_pictures))
        yield


@contextmanager
def in_silence(*, pictures: bool = False) -> Iterator[None]:
    """No bars and no warnings of transformers, and for `pictures` none of diffusers; afterwards as before.

    For models that ship: their files are known, so what a library wonders about them is nobody's concern.
    """
    from transformers.utils import logging as of_texts

    with ExitStack() as stack:
        stack.enter_context(no_bars(pictures=pictures))
        stack.enter_context(_without_warnings(of_texts))
        if pictures:
            from diffusers.utils import logging as of_pictures

            stack.enter_context(_without_warnings(of_pictures))
        yield


@contextmanager
def _without_bars(logging: Any) -> Iterator[None]:
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextmanager
def _without_warnings(logging: Any) -> Iterator[None]:
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
