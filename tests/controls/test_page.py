"""docs/controls.md says of the controls what their table says."""

from tests.controls.page import PAGE, written


def test_the_page_is_up_to_date():
    """`python -m tests.controls.page` brings it there."""
    page = PAGE.read_text()

    assert written(page) == page
