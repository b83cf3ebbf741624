"""What the live page and the metrics show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .handouts import Clients
    from .service import SearchService

MAX_POINTS = 400
"""Points of the curve that are sent; of more, evenly chosen ones."""
MAX_SHOWN = 100
"""Clients that are sent, those heard of last."""


def search_status(service: SearchService) -> dict[str, Any]:
    """Counts, best, curve, workers and last errors of a search."""
    engine = service.engine
    entries = engine.record.entries
    states = Counter(entry.state.name.lower() for entry in entries)
    sign = float(engine.objectives.signs[0])
    points, curve, best = [], [], None
    for entry in entries:
        if entry.reward is None:
            continue
        points.append([entry.number, entry.reward])
        if best is None or sign * entry.reward > sign * best:
            best = entry.reward
            curve.append([entry.number, best])
    found = engine.best_entry
    return {
        "kind": service.kind,
        "title": " + ".join(name for name, _ in engine.record.header["configs"]),
        "algorithm": engine.record.header["algorithm"],
        "steps": service.steps,
        "finished": engine.finished,
        "counts": {
            "open": states["running"],
            "complete": states["complete"],
            "failed": states["fail"],
            "pruned": states["pruned"],
        },
        "best": None
        if found is None
        else {
            "number": found.number,
            "reward": found.reward,
            "tokens": list(found.tokens),
            "cost": {
                key: value
                for key, value in found.attrs.items()
                if isinstance(value, int | float) and not isinstance(value, bool)
            },
        },
        "points": thinned(points, MAX_POINTS),
        "curve": thinned(curve, MAX_POINTS),
        **people(service.clients, service.open.lease, [handout.client for handout in service.open]),
    }


def people(clients: Clients, lease: float, busy: Sequence[str | None]) -> dict[str, Any]:
    """Workers and last errors."""
    now = clients.clock()
    open_by = Counter(busy)
    shown = [
        {
            "name": client.name,
            "heard_seconds_ago": round(now - client.heard, 1),
            "present": now - client.heard <= lease,
            "given": client.given,
            "rewarded": client.rewarded,
            "failed": client.failed,
            "open": open_by[client.name],
        }
        for client, _ in zip(clients, range(MAX_SHOWN), strict=False)
    ]
    errors = [
        {
            "seconds_ago": round(now - failure.when, 1),
            "number": failure.number,
            "client": failure.client,
            "reason": failure.reason,
        }
        for failure in reversed(clients.failures)
    ]
    return {"workers": shown, "workers_present": clients.within(lease), "errors": errors}


def thinned(points: Sequence[Any], most: int) -> list[Any]:
    """At most ``most`` of the points, evenly chosen, with the first and the last one."""
    if len(points) <= most:
        return list(points)
    return [points[i * (len(points) - 1) // (most - 1)] for i in range(most)]
