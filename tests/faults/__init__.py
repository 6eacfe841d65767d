import pytest

pytest.register_assert_rewrite("tests.faults.harness")  # so that it says what differs
