"""Links lead somewhere, pictures are small, and no page is out of reach."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, name, pages

PICTURE_LIMIT = 150_000


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """The file of each relative link is there, and so is the heading in it."""
    for target, anchor in links(page):
        assert target.exists(), f"{name(page)}: {target}"
        assert target.is_relative_to(ROOT), f"{name(page)}: {target}"
        if anchor:
            assert anchor in anchors(target), f"{name(page)}: {target.name}#{anchor}"


def test_every_page_is_reached_from_the_readme() -> None:
    """Whoever begins at the README and follows links comes to every page."""
    reached, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        if page in reached:
            continue
        reached.add(page)
        left += [target for target, _ in links(page) if target.suffix == ".md"]
    assert {name(page) for page in pages()} == {name(page) for page in reached}


def test_pictures_are_small_and_shown() -> None:
    """Each picture stands on some page and has at most 150 kB."""
    pictures = set((ROOT / "docs/img").glob("*.png"))
    shown = {target for page in pages() for target, _ in links(page)}
    assert pictures
    assert pictures <= shown
    assert all(picture.stat().st_size <= PICTURE_LIMIT for picture in pictures)
