"""The stack that tests/stack deploys, for the files here that do not deploy one of their own."""

from tests.stack.conftest import caller, stack, vendor  # noqa: F401 - fixtures
