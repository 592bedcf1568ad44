"""What a model wrote, as every database keeps it: byte-level tokenizers can write NUL and half characters."""

from __future__ import annotations

import re

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_ESCAPED = re.compile(
    r"""(\\\\)                                              # a backslash that is meant
      | \\u(?:d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})       # a whole character in two halves
      | (\\u0000 | \\ud[89ab][0-9a-f]{2} | \\ud[c-f][0-9a-f]{2})  # NUL, or one half alone
    """,
    re.VERBOSE | re.IGNORECASE,
)


def keepable(text: str) -> str:
    """`text` with U+FFFD for NUL and for surrogates without their other half, written out or as JSON escapes.

    Answers are often JSON: what is escaped in them comes out when they are read.
    """
    if text.isascii() and "\0" not in text and "\\u" not in text:
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    whole = whole.replace("\0", _REPLACEMENT)
    return _ESCAPED.sub(lambda found: "\\ufffd" if found[2] else found[0], whole)
