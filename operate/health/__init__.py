"""A stack's health: the verdict, what needs a person, and what was seen."""
