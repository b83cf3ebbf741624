"""How a report writes figures."""

from __future__ import annotations

_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def figure(value: float | None, *, share: bool = False, size: bool = False) -> str:
    """A figure with its unit: a share in percent, a size in bytes, whole numbers in full."""
    if value is None:
        return "–"
    if share and 0 <= value <= 1:
        return f"{100 * value:.2f} %"
    if size:
        for unit, name in _SIZES:
            if abs(value) >= unit:
                return f"{value / unit:.3g} {name}"
        return f"{value:,.0f} B"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def amount(value: float) -> str:
    """A count in full, or with three digits if it is large."""
    for unit, name in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= unit:
            return f"{value / unit:.3g}{name}"
    return figure(value)


def ratio(value: float, other: float) -> str:
    """How much of another figure one is, in words."""
    if other <= 0 or value <= 0:
        return figure(value)
    times = value / other
    if times >= 1.095:
        return f"{times:.2g} times as many"
    if times <= 0.995:
        return f"{100 * times:.3g} % of them"
    return "as many"
