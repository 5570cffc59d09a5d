"""Bulk jobs: send the rows of a file, count them, collect their links."""
