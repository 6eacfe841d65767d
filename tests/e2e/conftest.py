"""`tidings run` with its live page, on a real broker and store: shared by the tests of the page."""

from collections.abc import Iterator

import pytest

from tests.e2e.page_service import PageService, chromium, running_page


@pytest.fixture(scope="module")
def page_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageService]:
    """The service with eight quiet hours behind it; the spike is played in by `page_service.play_spike()`."""
    if not chromium():
        pytest.skip("no Chromium: apt-get install chromium (or set CHROMIUM to its path)")
    with running_page(tmp_path_factory.mktemp("page")) as service:
        yield service
