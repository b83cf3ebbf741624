"""What a finished search leaves behind for people: files and plots."""

from .files import read_settings, write_history, write_settings, write_summary
from .finish import Final, finish
from .plots import plot_cost, plot_progress

__all__ = [
    "Final",
    "finish",
    "plot_cost",
    "plot_progress",
    "read_settings",
    "write_history",
    "write_settings",
    "write_summary",
]
