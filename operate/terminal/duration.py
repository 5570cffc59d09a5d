"""Durations: 30m, 2h, 7d."""

import re
from typing import Final

import click

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Duration(click.ParamType):
    """An option type for durations; its value is in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the duration in seconds."""
        found = re.fullmatch(r"([0-9]{1,6})([smhd])", str(value))
        if found is None:
            self.fail("give a number and s, m, h or d, as in 30m, 2h or 7d", param, ctx)
        return int(found[1]) * _SECONDS[found[2]]


def in_words(seconds: float) -> str:
    """Return a duration in its two largest units: 3 d 4 h, 5 min."""
    minutes = max(0, int(seconds)) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{max(0, int(seconds))} s"
