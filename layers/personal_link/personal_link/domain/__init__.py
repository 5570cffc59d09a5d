"""Requests, outcomes and errors. No I/O, and no import of another room."""
