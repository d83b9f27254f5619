"""A service whose store is a test's own."""

import pytest

from tests.support.small_service import Service, put_copy


@pytest.fixture
def own(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path)
    yield service
    service.close()
