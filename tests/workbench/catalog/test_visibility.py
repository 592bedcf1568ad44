"""What a photo can show, by an attribute's name."""

import pytest

from workbench.catalog.visibility import visibility


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (
            "yes",
            "Color|COLOR|Upholstery color|Pattern|Neckline|Collar|Sleeve|Rug shape|Ring design|Type",
        ),
        (
            "sometimes",
            "Material|Handle material|Fabric|Target gender|Finish|Style|Unheard of|Brand|",
        ),
        (
            "no",
            "Size|Shoe size|Climate|Activity|Scent|Age group|Care instructions|Battery features|"
            "Energy efficiency class (HDR)|Compatible mattress size|Video codecs/formats supported|"
            "Operating system|Beer style|Country|Polar pattern|Performance Fabric",
        ),
    ],
)
def test_names(visible, names):
    assert {name: visibility(name) for name in names.split("|")} == dict.fromkeys(
        names.split("|"), visible
    )
