"""Bulk: a CSV file in, the same rows with their links out. No I/O but the iteration over given lines."""
