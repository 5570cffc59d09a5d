"""A measurement as lines of text, for whoever runs one module alone."""

from benchmarks.figures import Figure, Measurement, Row


def show(measurement: Measurement) -> None:
    """Print a measurement."""
    print(measurement.title)
    for row in measurement.rows:
        print(f"  {_of_row(row)}")
    for figure in measurement.figures:
        print(f"  {_of_figure(figure)}")
    for note in measurement.notes:
        print(f"  ({note})")


def _of_row(row: Row) -> str:
    spread = row.spread
    quartiles = f"({spread.low:.2f} to {spread.high:.2f}, {spread.count})" if spread.count > 1 else ""
    return f"{row.what:<60} {spread.median:>10.2f} {row.unit:<10} {quartiles}"


def _of_figure(figure: Figure) -> str:
    verdict = "reached" if figure.reached else "NOT reached"
    return f"{figure.name:<60} {figure.value:>10.3f} {figure.unit:<10} at most {figure.limit:g}: {verdict}"
