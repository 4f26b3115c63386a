from xml.etree import ElementTree as ET

import pytest

from prober.publish.badge import badge_document, badge_svg


@pytest.mark.parametrize(("up", "message"), [(True, "passing"), (False, "failing"), (None, "unknown")])
def test_a_badge_has_three_states(up, message):
    """And tells each in a word, not by colour alone; not known is not green."""
    picture = ET.fromstring(badge_svg("validation", up=up))  # noqa: S314 - our own

    assert f"validation: {message}" == picture.get("aria-label")
    assert ["validation", message] == [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert ("validation", message) == (
        badge_document("validation", up=up)["label"],
        badge_document("validation", up=up)["message"],
    )


def test_a_label_is_only_text():
    """Whatever a chain is called."""
    svg = badge_svg("<script>", up=True)

    assert "<script>" not in svg
    assert 1 == badge_document("v", up=True)["schemaVersion"]
