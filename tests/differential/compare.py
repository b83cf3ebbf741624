"""One case of both sides against each other, and the sum of many cases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TOLERANCE = {"outputs": 1e-5, "loss": 1e-5, "statistics": 1e-5, "steps": 1e-3}
"""Largest relative difference of what is computed; a step is a gradient, which sums rounding errors over all layers."""
NOISE = 1e-3
"""Steps below this part of the largest step are taken as if they were as large."""
PARTS = ("names", "flops", "shapes", "outputs", "training")


@dataclass
class Summary:
    """What was found out about one form.

    Attributes:
        described: Cases whose parameters, FLOPs and output shapes were compared.
        computed: Cases whose outputs and training step were compared, too.
        mismatches: Number of cases that differ, by part.
        largest: Largest relative difference, by what was computed.
        first: The first case that differs.
    """

    described: int = 0
    computed: int = 0
    mismatches: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    largest: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TOLERANCE, 0.0))
    first: dict[str, Any] | None = None

    @property
    def differs(self) -> bool:
        """Whether any case differs."""
        return self.first is not None

    def __str__(self) -> str:
        found = ", ".join(f"{part} {count}" for part, count in self.mismatches.items())
        largest = ", ".join(f"{part} {value:.1e}" for part, value in self.largest.items()) if self.computed else "-"
        return (
            f"{self.described} described, {self.computed} computed; mismatches: {found}; "
            f"largest relative difference: {largest}"
        )


def compare(theirs: dict[str, Any], ours: dict[str, Any], arrays: tuple[Any, Any] | None) -> dict[str, Any]:
    """What differs between the two sides in one case.

    Args:
        theirs: Answer of PaddleSlim's process.
        ours: Answer of this library's process.
        arrays: What the two computed, by name; None if they were only asked to describe.

    Returns:
        PaddleSlim's description in short, ``differs`` (what differs, by part) and ``relative`` (differences by what was
        computed).
    """
    result: dict[str, Any] = {"differs": {}, "relative": {}}
    for side, answer in (("PaddleSlim", theirs), ("this library", ours)):
        if "error" in answer:
            result["differs"] = dict.fromkeys(PARTS, f"{side} failed: {answer['error']}")
            return result
    result["md5"] = digest(theirs["parameters"])
    result |= {key: theirs[key] for key in ("flops", "shapes")}
    if theirs["parameters"] != ours["parameters"]:
        result["differs"]["names"] = _first_difference(theirs["parameters"], ours["parameters"])
    for key in ("flops", "shapes"):
        if theirs[key] != ours[key]:
            result["differs"][key] = f"{theirs[key]} there, {ours[key]} here"
    if arrays is not None:
        _compare_arrays(*arrays, result)
    return result


def digest(lines: Iterable[str]) -> str:
    """MD5 of the ordered ``name [shape]`` lines of all parameters."""
    return hashlib.md5("\n".join(lines).encode()).hexdigest()


def relative(theirs: Any, ours: Any) -> float:
    """Largest difference relative to the largest magnitude; infinite where it means nothing."""
    if theirs.shape != ours.shape or not (np.isfinite(theirs).all() and np.isfinite(ours).all()):
        return float("inf")
    largest = float(np.abs(theirs).max(initial=0.0))
    difference = float(np.abs(theirs.astype("float64") - ours).max(initial=0.0))
    return difference / largest if largest else float("inf") if difference else 0.0


def summarize(cases: Iterable[Mapping[str, Any]]) -> Summary:
    """The cases of one form together."""
    summary = Summary()
    for case in cases:
        summary.described += 1
        summary.computed += bool(case["computed"])
        for part in case["differs"]:
            summary.mismatches[part] += 1
        for part, value in case["relative"].items():
            summary.largest[part] = max(summary.largest[part], value)
        if case["differs"] and summary.first is None:
            summary.first = dict(case)
    return summary


def _compare_arrays(theirs: Mapping[str, Any], ours: Mapping[str, Any], result: dict[str, Any]) -> None:
    outputs = [name for name in theirs if name.startswith("output")]
    if outputs != [name for name in ours if name.startswith("output")]:
        differences = {"outputs": float("inf")}
    else:
        differences = {"outputs": max(relative(theirs[name], ours[name]) for name in outputs)}
    if "loss" in theirs or "loss" in ours:
        differences |= _training(theirs, ours)
    result["relative"] = differences
    for name, value in differences.items():
        if not value < TOLERANCE[name]:
            part = "outputs" if name == "outputs" else "training"
            result["differs"].setdefault(part, f"{name} differ by {value:.1e}")


def _training(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, float]:
    if not ("loss" in theirs and "loss" in ours):
        return {"loss": float("inf")}
    differences = {"loss": relative(theirs["loss"], ours["loss"]), "statistics": float("inf")}
    if np.array_equal(theirs["sizes"], ours["sizes"]):
        differences["statistics"] = max(map(relative, _split(theirs), _split(ours)))
    differences["steps"] = _steps(theirs["steps"], ours["steps"])
    return differences


def _steps(theirs: Any, ours: Any) -> float:
    """Largest difference relative to the step of its weight; steps next to nothing are rounding errors.

    In float32 the gradients of hundreds of layers in a row may overflow; then they have to on both sides.
    """
    finite = np.isfinite(theirs)
    if theirs.shape != ours.shape or not np.array_equal(finite, np.isfinite(ours)):
        return float("inf")
    if not finite.any():
        return 0.0
    theirs, ours = theirs[finite].astype("float64"), ours[finite].astype("float64")
    scale = np.maximum(theirs, NOISE * theirs.max())
    return float((np.abs(theirs - ours) / np.where(scale > 0, scale, 1.0)).max())


def _split(arrays: Mapping[str, Any]) -> list[Any]:
    return np.split(arrays["statistics"], np.cumsum(arrays["sizes"])[:-1])


def _first_difference(theirs: list[str], ours: list[str]) -> str:
    for number, (there, here) in enumerate(zip(theirs, ours, strict=False)):
        if there != here:
            return f"parameter {number} is {there} there, {here} here"
    return f"{len(theirs)} parameters there, {len(ours)} here"
