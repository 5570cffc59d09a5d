"""A person, erased from what the stack holds."""
