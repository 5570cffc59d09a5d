"""Thousands of requests while everything fails, and what became of each."""
