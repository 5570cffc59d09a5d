"""Parked requests: list, show, redrive, delete."""
