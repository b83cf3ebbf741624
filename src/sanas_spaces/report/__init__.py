"""What a search leaves behind for people: a report and files."""

from .files import read_settings, write_history, write_settings, write_summary
from .finish import Final, finish
from .html import render, write_report
from .story import Network, Story, tell

__all__ = [
    "Final",
    "Network",
    "Story",
    "finish",
    "read_settings",
    "render",
    "tell",
    "write_history",
    "write_report",
    "write_settings",
    "write_summary",
]
