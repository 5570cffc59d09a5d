"""Tables of cases: each row is the name of a case and its values."""

import pytest


def table(names: str, *rows: tuple[object, ...]) -> pytest.MarkDecorator:
    """Run a test once for each row, under the row's first field; the others are the test's arguments."""
    return pytest.mark.parametrize(names, [pytest.param(*values, id=str(name)) for name, *values in rows])
