"""One request: where it is and what became of it."""
