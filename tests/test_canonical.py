"""Equal hash if and only if equal network, against a search for an isomorphism that knows nothing of the hash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from sanas_spaces import NetArch, ops

# A network is a list of layers (what, sources, weights). A source is the place of an earlier layer, 0 is the image;
# the last layer is the result.
Layer = tuple[str, tuple[int, ...], int]
WHAT = {"relu": 1, "tanh": 1, "conv": 1, "add": 2, "join": 2}


@st.composite
def networks(draw: st.DrawFn) -> list[Layer]:
    layers: list[Layer] = []
    for place in range(1, draw(st.integers(2, 8))):
        what = draw(st.sampled_from(sorted(WHAT)))
        nearby = st.integers(max(0, place - 4), place - 1)
        sources = tuple(draw(nearby) for _ in range(WHAT[what]))
        layers.append((what, sources, draw(st.sampled_from([place, place, 1]))))
    return layers


def body(layers: list[Layer]) -> Callable[[Any], Any]:
    def describe(x: Any) -> Any:
        values = [x]
        for what, sources, weights in layers:
            inputs = [values[source] for source in sources]
            if what == "add":
                values.append(ops.add(*inputs))
            elif what == "join":
                values.append(ops.conv2d(ops.concat(inputs), 4, 1, name=f"join{weights}"))
            elif what == "conv":
                values.append(ops.conv2d(*inputs, 4, 3, norm=True, name=f"conv{weights}"))
            else:
                values.append(ops.activation(*inputs, what))
        return values[-1]

    return describe


def hash_of(layers: list[Layer]) -> str:
    return NetArch(body(layers), described=True, input_shape=(4, 8, 8)).hash()


def isomorphic(first: list[Layer], second: list[Layer]) -> bool:
    return any(True for _ in matchings(first, second, [(len(first), len(second))], {0: 0}, {}))


def matchings(
    first: list[Layer], second: list[Layer], pairs: list[tuple[int, int]], places: dict[int, int], weights: Any
) -> Iterator[None]:
    """Yield once for every way to map the live layers of one network to those of the other, one to one."""
    if not pairs:
        yield
        return
    (a, b), *rest = pairs
    if a in places or b in places.values():
        if places.get(a) == b:
            yield from matchings(first, second, rest, places, weights)
        return
    (what, sources, own), (other_what, other_sources, other) = first[a - 1], second[b - 1]
    if what != other_what:
        return
    if what in ("conv", "join"):
        key, other_key = (what, own), (what, other)
        if weights.get(key, other_key) != other_key or (key not in weights and other_key in weights.values()):
            return
        weights = {**weights, key: other_key}
    orders = {other_sources, other_sources[::-1]} if what == "add" else {other_sources}
    for order in orders:
        more = [*zip(sources, order, strict=True), *rest]
        yield from matchings(first, second, more, {**places, a: b}, weights)


def rewritten(layers: list[Layer], data: st.DataObject) -> list[Layer]:
    """The same network, its layers in another order, under other names, sums the other way round."""
    moved: dict[int, int] = {0: 0}
    written: list[Layer] = []
    names: dict[int, int] = {}
    left = set(range(1, len(layers) + 1))
    while left:
        ready = [p for p in sorted(left) if all(s in moved for s in layers[p - 1][1])]
        last = len(layers)
        place = data.draw(st.sampled_from([p for p in ready if p != last or len(left) == 1]))
        what, sources, weights = layers[place - 1]
        sources = tuple(moved[source] for source in sources)
        if what == "add" and data.draw(st.booleans()):
            sources = sources[::-1]
        written.append((what, sources, names.setdefault(weights, 50 - len(names))))
        moved[place] = len(written)
        left.remove(place)
    return written


@given(networks(), st.data())
def test_a_network_keeps_its_hash_however_it_is_written(layers: list[Layer], data: st.DataObject) -> None:
    other = rewritten(layers, data)
    assert isomorphic(layers, other)
    assert hash_of(layers) == hash_of(other)


CROSSED = [
    ("conv", (0,), 1),
    ("conv", (0,), 2),
    ("relu", (1,), 0),
    ("relu", (2,), 0),
    ("tanh", (1,), 0),
    ("tanh", (2,), 0),
]
PARALLEL = [*CROSSED, ("add", (3, 5), 0), ("add", (4, 6), 0), ("join", (7, 8), 9)]
CROSSED = [*CROSSED, ("add", (3, 6), 0), ("add", (4, 5), 0), ("join", (7, 8), 9)]
SUMS = [*CROSSED[:6], ("add", (3, 4), 0), ("add", (5, 6), 0), ("join", (7, 8), 9)]
SWAPPED = [*CROSSED[:6], ("add", (3, 4), 0), ("add", (6, 5), 0), ("join", (7, 8), 9)]


@given(networks(), networks())
@example(PARALLEL, CROSSED)
@example(SUMS, SWAPPED)
def test_hashes_are_equal_exactly_for_equal_networks(first: list[Layer], second: list[Layer]) -> None:
    assert (hash_of(first) == hash_of(second)) == isomorphic(first, second)


@given(networks(), st.data())
def test_one_change_changes_the_hash_exactly_if_it_changes_the_network(
    layers: list[Layer], data: st.DataObject
) -> None:
    place = data.draw(st.integers(1, len(layers)))
    what, sources, weights = layers[place - 1]
    if data.draw(st.booleans()):
        what = data.draw(st.sampled_from([w for w in sorted(WHAT) if WHAT[w] == WHAT[what]]))
    else:
        sources = tuple(data.draw(st.integers(0, place - 1)) for _ in sources)
    changed = [*layers[: place - 1], (what, sources, weights), *layers[place:]]
    assert (hash_of(changed) == hash_of(layers)) == isomorphic(changed, layers)
