"""How the app writes HTML: templates in which every text is escaped unless it is markup of ours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup, escape

from workbench.metrics.estimate import Estimate

if TYPE_CHECKING:
    from annotation.app._people import Person

TABS = (
    ("/", "Try it"),
    ("/failures", "Failures"),
    ("/calibration", "Calibration"),
    ("/correct", "Correct"),
    ("/rubric", "Rubric"),
    ("/runs", "Runs"),
)


def render(template: str, **values: object) -> str:
    """The template, filled in."""
    return _templates().get_template(f"{template}.html.j2").render(**values)


def head(*, active: str, store: str, person: Person) -> str:
    """What stands above every tab: where one is, and who one is."""
    return render("head", tabs=TABS, active=active, store=store, person=person)


def number(value: float, digits: int = 2) -> str:
    """A number with a real minus sign."""
    return f"{value:,.{digits}f}".replace("-", "−")


def percent(share: float | None) -> str:
    """A share in whole percent, never rounded up to all or down to nothing."""
    if share is None:
        return "—"
    if 0 < share < 0.005:
        return "under 1%"
    return "over 99%" if 0.995 <= share < 1 else f"{share:.0%}"


def between(e: Estimate) -> str:
    """An estimate's interval in words; why there is none, where there is none."""
    if e.value is None or e.low is None or e.high is None:
        return e.reason or ""
    return f"{number(e.low)} to {number(e.high)}, n\u00a0=\u00a0{e.n:,}"


def words(name: object) -> str:
    """An id as words."""
    return str(name).replace("_", " ")


def coded(text: object) -> Markup:
    """A sentence in which commands stand between backticks, as a terminal shows it, with them set as code."""
    pieces = str(text).split("`")
    if len(pieces) % 2 == 0:  # one that is never closed is text
        return escape(str(text))
    return Markup().join(
        Markup("<code>{}</code>").format(one) if place % 2 else one
        for place, one in enumerate(pieces)
    )


def picture(address: object, side: int = 320) -> str:
    """Where a picture of the store is shown, by its content; empty where there is none."""
    text = str(address or "")
    return (
        f"/picture/{text.removeprefix('sha256:')}?side={side}" if text.startswith("sha256:") else ""
    )


def link(query: Mapping[str, object], **more: object) -> str:
    """An address in the same tab: what `query` says, and `more` instead of it."""
    said = {**query, **more}
    return "?" + urlencode({n: str(value) for n, value in said.items() if value not in (None, "")})


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("annotation.app"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        number=number, percent=percent, between=between, words=words, picture=picture, link=link
    )
    made.filters["coded"] = coded
    return made
