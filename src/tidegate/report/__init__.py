"""Reports for people: a table on the terminal, and one HTML file."""

from tidegate.report.html import render
from tidegate.report.peaks import Peak, peaks
from tidegate.report.pictures import Picture, Pictures, thumbnail
from tidegate.report.table import summary, table
from tidegate.report.visible import visible
from tidegate.report.withhold import withheld

__all__ = [
    "Peak",
    "Picture",
    "Pictures",
    "peaks",
    "render",
    "summary",
    "table",
    "thumbnail",
    "visible",
    "withheld",
]
