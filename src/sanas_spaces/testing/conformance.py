"""What every search space has to do, as test classes to derive from.

.. code-block:: python

    class TestMySpace(SpaceConformance):
        configs = [("MySpace", {"block_mask": [0, 1]})]

:class:`SpaceConformance` is for spaces written with :mod:`sanas_spaces.ops`. A space whose ``net_arch`` calls Paddle
itself derives from :class:`BuildConformance`, which asks for no cost, hash or layer. Networks are built in the mode of
the process, see :mod:`sanas_spaces.testing.modes`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from ..arch import ArchList, NetArch
from ..combine import CombinedSpace
from ..errors import TokenError
from ..graph import Graph
from .modes import mode

WHICH = ("initial", "smallest", "largest", "random 1", "random 2")


class BuildConformance:
    """Builds, trains and saves networks of one config, and feeds it bad tokens.

    As it stands it builds static programs in every mode: the parameters that a function creates with Paddle belong to
    the program, while in dygraph only that function knows them. A function that normalises over the batch needs a
    keyword ``is_test`` or ``training`` to compute the same after it was saved.

    Attributes:
        configs: The config.
        input_shape: Image shape [C, H, W].
    """

    configs: ClassVar[list[Any]]
    input_shape: ClassVar[tuple[int, int, int]] = (3, 16, 16)

    @pytest.fixture
    def space(self) -> CombinedSpace:
        """The space of the config."""
        return CombinedSpace(self.configs)

    @pytest.fixture
    def limit(self) -> float:
        """FLOPs up to which networks are run."""
        return float("inf")

    @pytest.mark.parametrize("which", WHICH)
    def test_trains_and_infers(self, space: CombinedSpace, which: str, limit: float, tmp_path: Path) -> None:
        """A training step changes parameters, and a network in inference mode shares the changed ones by name.

        The smallest one is saved, too: an inference model that is loaded has its outputs.
        """
        archs = space.token2arch(self.tokens(space, which))
        if which != "smallest" and not self.is_small(archs, limit):
            return
        runner = self.build(archs)
        runner.start()
        before = runner.values()
        fresh = runner.infer(self.images())
        assert np.isfinite(runner.train_step(self.images()))
        after = runner.values()
        assert all(np.isfinite(value).all() for value in after.values())
        moved = {name for name in before if not np.array_equal(before[name], after[name])}
        assert moved, "no parameter moved"
        trained = runner.infer(self.images())
        assert not np.allclose(fresh, trained), "inference does not see the trained parameters"
        self.check_trained(archs, runner, moved)
        if which == "smallest":
            saved = runner.save_and_infer(tmp_path, self.images())
            np.testing.assert_allclose(saved, trained, rtol=1e-4, atol=1e-5, err_msg="saved and loaded")

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

    def is_small(self, archs: ArchList, limit: float) -> bool:
        """Whether the network is to be run."""
        return True

    def check_trained(self, archs: ArchList, runner: Any, moved: set[str]) -> None:
        """What else holds after a step that has changed the parameters ``moved``."""

    def build(self, archs: ArchList) -> Any:
        """The network as static programs."""
        from .runner import StaticRunner

        return StaticRunner(archs, self.input_shape)


class SpaceConformance(BuildConformance):
    """Also counts, describes and compares the networks.

    Attributes:
        max_flops: Larger networks are built as static programs and not run, and as layers are only described, unless
            pytest has an option ``--slow`` and it is given: the largest of some spaces have hundreds of millions of
            parameters. The network of the first options is run in any case.
    """

    max_flops: ClassVar[float] = 150e6

    @pytest.fixture
    def limit(self, request: pytest.FixtureRequest) -> float:
        """FLOPs up to which networks are run."""
        return float("inf") if request.config.getoption("--slow", default=False) else self.max_flops

    @pytest.mark.parametrize("which", WHICH)
    def test_cost_is_that_of_the_built_network(self, space: CombinedSpace, which: str, limit: float) -> None:
        """Names, shapes and number of parameters and FLOPs are those of what Paddle builds."""
        archs = space.token2arch(self.tokens(space, which))
        cost = archs.cost(self.input_shape)
        named = [(p.name, p.shape) for p in archs.network.graph(self.input_shape).parameters()]
        assert sum(int(np.prod(shape)) for _, shape in named) == cost.params_with_statistics
        assert cost.flops > 0
        assert cost.peak_activation_bytes <= cost.activation_bytes + 4 * int(np.prod(self.input_shape))
        if mode() != "dygraph" or self.is_small(archs, limit):
            runner = self.build(archs)
            assert sorted(runner.described) == sorted(named)
            assert runner.flops == cost.flops

    def test_architectures_share_no_state(self, space: CombinedSpace) -> None:
        """Describing one architecture leaves another one as it was."""
        first = space.token2arch(self.tokens(space, "random 1"))
        alone = layers(first.network.graph(self.input_shape))
        second = space.token2arch(self.tokens(space, "random 2"))
        second.network.graph(self.input_shape)
        channels, height, width = self.input_shape
        first.network.graph((channels, 2 * height, 2 * width))
        fresh = [NetArch(arch.body, described=arch.described, scope=arch.scope) for arch in first]
        again = space.token2arch(self.tokens(space, "random 1"))
        for archs in (ArchList(fresh), again):
            assert layers(archs.network.graph(self.input_shape)) == alone

    def test_equal_hash_means_equal_network(self, space: CombinedSpace) -> None:
        """Changing one token changes the hash if and only if it changes a layer or its wiring."""
        rng = np.random.default_rng(1)
        tokens = self.tokens(space, "random 1")
        base = space.token2arch(tokens).network
        base_layers = layers(base.graph(self.input_shape))
        assert space.token2arch(tokens).hash(self.input_shape) == base.hash(self.input_shape)
        neighbours = list(space.table.neighbours(tokens))
        for index in rng.permutation(len(neighbours))[:30]:
            other = space.token2arch(neighbours[index]).network
            same = layers(other.graph(self.input_shape)) == base_layers
            assert (other.hash(self.input_shape) == base.hash(self.input_shape)) == same, neighbours[index]

    def test_twice_in_a_config_has_its_own_parameters(self) -> None:
        """The same space chained to itself shares no parameter name with itself."""
        space = CombinedSpace([*self.configs, *self.configs])
        archs = space.token2arch([0] * len(space.table))
        names = [p.name for arch in archs for p in arch.graph(self.input_shape).parameters()]
        assert names
        assert len(set(names)) == len(names)

    def is_small(self, archs: ArchList, limit: float) -> bool:
        return archs.cost(self.input_shape).flops <= limit

    def check_trained(self, archs: ArchList, runner: Any, moved: set[str]) -> None:
        """Weights and statistics have moved, and inference sees each image by itself."""
        statistics = {p.name for p in archs.network.graph(self.input_shape).parameters() if not p.trainable}
        assert moved - statistics, "no weight moved"
        assert statistics <= moved, f"statistics did not move: {sorted(statistics - moved)[:3]}"
        output = runner.infer(self.images())
        assert tuple(output.shape[1:]) == archs.cost(self.input_shape).output_shape
        np.testing.assert_allclose(runner.infer(self.images()[:1]), output[:1], rtol=1e-3, atol=1e-4)

    def build(self, archs: ArchList) -> Any:
        """The network in the mode of this process."""
        from .runner import make_runner

        return make_runner(mode(), archs, self.input_shape)


def layers(graph: Graph) -> list[Any]:
    """Layers and their wiring without names, in order: equal for equal networks of one space."""
    live = graph.live()
    place = {node.index: position for position, node in enumerate(live)}
    return [(node.kind, tuple(place[source.index] for source in node.inputs)) for node in live]
