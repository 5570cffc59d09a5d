"""A test request, and its outcome."""
