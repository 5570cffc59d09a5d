"""The connector's template in each of its modes."""

import pytest

from tests.template.invariants.built import MODES, Built, built_in


@pytest.fixture(params=MODES)
def built(request: pytest.FixtureRequest) -> Built:
    """What CloudFormation makes of the template in a mode."""
    return built_in(request.param)
