"""What a page shows: pictures and listings, brought to what Label Studio's tags take."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from xml.etree.ElementTree import Element, fromstring

from annotation.label_studio.interfaces._xml import clean, tag, text
from workbench.errors import LabelStudioError
from workbench.records import Generation, Listing

_SMALL = 320
"""Pixels of the longer side from which on a picture may fill its half of the page."""
_TIMES = 3


def picture(name: str, value: str, *, room: str) -> Element:
    """A picture that can be looked at closely, no higher than `room`: a height of CSS."""
    return tag(
        "Image",
        name=name,
        value=value,
        zoom="true",
        zoomControl="true",
        maxWidth="100%",
        maxHeight=room,
    )


def fitted(config: str, side: int) -> str:
    """`config` for pictures whose longer side has at most `side` pixels: small ones are not blown up to fill the page.

    They are shown at three times their size at most, each pixel as it is: what looks blurred then is the picture's.
    """
    if side >= _SMALL:
        return config
    root = fromstring(config)  # noqa: S314 - written by us
    for element in root.iter("Image"):
        element.set("maxWidth", f"{_TIMES * side}px")
    root.set("className", f"{root.get('className', '')} wb-small".strip())
    return text(root)


def topic_of(generation: Generation) -> str:
    """The category or theme that a picture is to show, in words."""
    words = generation.category.replace("/", " / ")
    if words.startswith("theme:"):  # the name of a theme is kept with hyphens between its words
        words = words.removeprefix("theme:").replace("-", " ")
    return clean(words) or "(no category)"


def shown_url(address: str | None, pictures: Mapping[str, str]) -> str:
    """The URL of a picture that has to be shown.

    Raises:
        LabelStudioError: There is no picture, or nobody said where it is served.
    """
    url = None if address is None else pictures.get(address)
    if url is None:
        raise LabelStudioError(
            f"want a URL for picture {address!r:.80} of the task, but {len(pictures)} others are given: "
            "serve it first; an output without a picture needs no person to reject it"
        )
    return url


def strip(addresses: tuple[str, ...], pictures: Mapping[str, str]) -> str:
    """Photos beside each other, as HTML.

    Raises:
        LabelStudioError: Nobody said where one of them is served.
    """
    if not addresses:
        return "<p>There are no photos.</p>"
    urls = [shown_url(address, pictures) for address in addresses]
    return "".join(
        f'<img src="{escape(clean(url))}" alt="Photo {number} of {len(urls)}">'
        for number, url in enumerate(urls, start=1)
    )


def listing_of(generation: Generation) -> Listing:
    """The listing to be shown.

    Raises:
        LabelStudioError: There is none.
    """
    if generation.listing is None:
        raise LabelStudioError(
            f"generation {generation.key[:12]} has no listing to show: its answer could not be read as "
            "one, which needs no person to reject it"
        )
    return generation.listing


def aspects_of(listing: Listing) -> dict[str, str]:
    """Aspect to its values as one text, in the listing's order."""
    return {clean(name): clean(", ".join(values)) for name, values in listing.aspects.items()}


def price_of(listing: Listing) -> str:
    """The price as it is shown and corrected; empty where the listing states none."""
    return "" if listing.price is None else f"{listing.price:.2f}"


def lines_of(listing: Listing) -> str:
    """Title, price and aspects, one a line."""
    stated = [f"{name}: {value}" for name, value in aspects_of(listing).items()]
    priced = [f"Price: {price}"] if (price := price_of(listing)) else []
    return "\n".join([clean(listing.title) or "(no title)", *stated, *priced])
