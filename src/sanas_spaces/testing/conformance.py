"""What every search space has to do, as a test class to derive from.

.. code-block:: python

    class TestMySpace(SpaceConformance):
        configs = [("MySpace", {"block_mask": [0, 1]})]

A space whose ``net_arch`` calls Paddle itself says ``described = False``: its networks are built, trained and saved, and
what needs a description (costs, hashes) does not concern it, nor do dygraph parameters, which only it knows.

Networks are built in the mode of the process, see :mod:`sanas_spaces.testing.modes`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from ..arch import ArchList
from ..combine import CombinedSpace
from ..errors import TokenError
from ..graph import Graph
from .modes import mode

WHICH = ("initial", "smallest", "largest", "random 1", "random 2")


class SpaceConformance:
    """Builds, trains, counts, saves and compares networks of one config.

    Attributes:
        configs: The config.
        input_shape: Image shape [C, H, W].
        max_flops: Larger networks are built as static programs and not run, and as layers are only described, unless
            pytest has an option ``--slow`` and it is given: the largest of some spaces have hundreds of millions of
            parameters.
        described: Whether the networks are written with :mod:`sanas_spaces.ops` alone.
    """

    configs: ClassVar[list[Any]]
    input_shape: ClassVar[tuple[int, int, int]] = (3, 16, 16)
    max_flops: ClassVar[float] = 150e6
    described: ClassVar[bool] = True

    @pytest.fixture
    def space(self) -> CombinedSpace:
        """The space of the config."""
        return CombinedSpace(self.configs)

    @pytest.fixture
    def limit(self, request: pytest.FixtureRequest) -> float:
        """FLOPs up to which networks are run."""
        return float("inf") if request.config.getoption("--slow", default=False) else self.max_flops

    def tokens(self, space: CombinedSpace, which: str) -> list[int]:
        """The token list that ``which`` names."""
        rng = np.random.default_rng(sum(map(ord, which)))
        if which == "initial":
            return space.init_tokens(rng=rng)
        if which == "smallest":
            return [0] * len(space.table)
        if which == "largest":
            return [count - 1 for count in space.range_table()]
        return space.table.random(rng)

    def images(self, count: int = 3) -> Any:
        """Random images [N, C, H, W], the same each time."""
        return np.random.default_rng(0).normal(size=(count, *self.input_shape)).astype(np.float32)

    @pytest.mark.parametrize("which", WHICH)
    def test_cost_is_that_of_the_built_network(self, space: CombinedSpace, which: str, limit: float) -> None:
        """Names, shapes and number of parameters and FLOPs are those of what Paddle builds."""
        archs = space.token2arch(self.tokens(space, which))
        graph, cost = archs.network.graph(self.input_shape), archs.cost(self.input_shape)
        named = [(p.name, p.shape) for p in graph.parameters()]
        assert sum(int(np.prod(shape)) for _, shape in named) == cost.params_with_statistics
        assert cost.flops > 0
        assert cost.peak_activation_bytes <= cost.activation_bytes + 4 * int(np.prod(self.input_shape))
        if cost.flops <= limit or mode() != "dygraph":
            runner = self.build(archs)
            assert sorted(runner.described) == sorted(named)
            assert runner.flops == cost.flops

    @pytest.mark.parametrize("which", WHICH)
    def test_trains_and_infers(self, space: CombinedSpace, which: str, limit: float) -> None:
        """A training step moves weights and statistics; inference then uses them, for each image by itself."""
        archs = space.token2arch(self.tokens(space, which))
        if archs.cost(self.input_shape).flops > limit:
            return
        runner = self.build(archs)
        runner.start()
        images = self.images()
        before = runner.values()
        fresh = runner.infer(images)
        assert np.isfinite(runner.train_step(images))
        after = runner.values()
        assert all(np.isfinite(value).all() for value in after.values())
        moved = {name for name in before if not np.array_equal(before[name], after[name])}
        statistics = {p.name for p in archs.network.graph(self.input_shape).parameters() if not p.trainable}
        assert moved - statistics, "no weight moved"
        assert statistics <= moved or not statistics, f"statistics did not move: {sorted(statistics - moved)[:3]}"
        trained = runner.infer(images)
        assert not np.allclose(fresh, trained), "inference does not see the trained parameters"
        assert tuple(trained.shape[1:]) == archs.cost(self.input_shape).output_shape
        np.testing.assert_allclose(runner.infer(images[:1]), trained[:1], rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize("which", ["smallest"])
    def test_saved_network_computes_the_same(self, space: CombinedSpace, which: str, tmp_path: Path) -> None:
        """An inference model that is saved and loaded has the outputs of the network."""
        runner = self.build(space.token2arch(self.tokens(space, which)))
        runner.start()
        runner.train_step(self.images())
        expected = runner.infer(self.images())
        np.testing.assert_allclose(runner.save_and_infer(tmp_path, self.images()), expected, rtol=1e-4, atol=1e-5)

    def test_architectures_share_no_state(self, space: CombinedSpace) -> None:
        """Building one architecture leaves another one as it was."""
        first = space.token2arch(self.tokens(space, "random 1"))
        alone = layers(first.network.graph(self.input_shape))
        second = space.token2arch(self.tokens(space, "random 2"))
        layers(second.network.graph(self.input_shape))
        channels, height, width = self.input_shape
        first.network.graph((channels, 2 * height, 2 * width))
        again = space.token2arch(self.tokens(space, "random 1"))
        for arch in (first, again):
            assert layers(arch.network.graph(self.input_shape)) == alone

    def test_equal_hash_means_equal_network(self, space: CombinedSpace) -> None:
        """Changing one token changes the hash if and only if it changes a layer or its wiring."""
        rng = np.random.default_rng(1)
        tokens = self.tokens(space, "random 1")
        base = space.token2arch(tokens).network
        base_layers = layers(base.graph(self.input_shape))
        for neighbour in list(space.table.neighbours(tokens)):
            if rng.random() < 30 / (1 + sum(space.range_table())):
                other = space.token2arch(neighbour).network
                same = layers(other.graph(self.input_shape)) == base_layers
                assert (other.hash(self.input_shape) == base.hash(self.input_shape)) == same

    def test_tokens_are_decoded_and_checked(self, space: CombinedSpace) -> None:
        """Decoding is undone by encoding, and bad tokens are refused with their position."""
        rng = np.random.default_rng(2)
        for _ in range(20):
            tokens = space.table.random(rng)
            assert space.table.encode(space.table.decode(tokens)) == tokens
        good = self.tokens(space, "smallest")
        for position, count in enumerate(space.range_table()):
            bad: Any
            for bad in (count, -1, 0.5, "0"):
                with pytest.raises(TokenError, match=f"token {position} = "):
                    space.token2arch([*good[:position], bad, *good[position + 1 :]])
        with pytest.raises(TokenError, match="too few"):
            space.token2arch(good[:-1])
        with pytest.raises(TokenError, match="too many"):
            space.token2arch([*good, 0])

    def test_twice_in_a_config_has_its_own_parameters(self) -> None:
        """The same space chained to itself shares no parameter name with itself."""
        space = CombinedSpace([*self.configs, *self.configs])
        first, second = space.token2arch([0] * len(space.table))
        names = [{p.name for p in arch.graph(self.input_shape).parameters()} for arch in (first, second)]
        assert names[0]
        assert not names[0] & names[1]

    def build(self, archs: ArchList) -> Any:
        """The network in the mode of this process."""
        from .runner import make_runner

        return make_runner(mode(), archs, self.input_shape)


def layers(graph: Graph) -> list[Any]:
    """Layers and their wiring without names, in order: equal for equal networks of one space."""
    live = graph.live()
    place = {node.index: position for position, node in enumerate(live)}
    return [(node.kind, tuple(place[source.index] for source in node.inputs)) for node in live]
