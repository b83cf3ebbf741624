"""What counting and driving cost, in one run of ``python benchmarks/cost.py``.

Prints, side by side, the time to cost a token list against building its Paddle program and counting there; the time
of next_archs() and reward() with a file record as the record grows; and the memory of the driver and of the main job.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SPACE = "MobileNetV2Space"
WINDOW = 200
MEGA = 2**20


def median_ms(function: Callable[[], Any], times: int) -> float:
    """Median milliseconds of ``times`` calls."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return 1e3 * statistics.median(taken)


def cost_against_building() -> None:
    """Time a fresh token list: described and costed, and built and counted."""
    import numpy as np
    import paddle

    from sanas_spaces import CombinedSpace

    paddle.enable_static()
    space = CombinedSpace([SPACE])
    rng = np.random.default_rng(0)
    print(f"\n{SPACE}: cost of one token list, 3x224x224\n{'tokens':<10}{'cost':>12}{'build + count':>16}{'ratio':>9}")
    for name, tokens in (("initial", space.init_tokens()), *((f"random {i}", space.table.random(rng)) for i in (1, 2))):

        def describe(tokens: list[int] = tokens) -> int:
            return space.token2arch(tokens).cost((3, 224, 224)).flops

        def build(tokens: list[int] = tokens) -> int:
            program = paddle.static.Program()
            with paddle.static.program_guard(program, paddle.static.Program()):
                space.token2arch(tokens)(paddle.static.data("image", [-1, 3, 224, 224], "float32"))
            return sum(
                math.prod(op.operand_source(1).shape[1:]) * math.prod(op.result(0).shape[1:])
                for op in program.global_block().ops
                if op.name() in ("pd_op.conv2d", "pd_op.depthwise_conv2d")
            )

        if describe() != build():
            raise SystemExit(f"{name}: {describe()} and {build()} FLOPs differ")
        fast, slow = median_ms(describe, 200), median_ms(build, 7)
        print(f"{name:<10}{fast:>9.3f} ms{slow:>13.1f} ms{slow / fast:>8.0f}x")


def driver(trials: int) -> None:
    """Time the driver while its record grows, and tell its memory; imports no Paddle."""
    from sanas_spaces import SANAS

    noise = random.Random(0)
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        sanas = SANAS([SPACE], search_steps=10**9, save_checkpoint=folder, seed=0, constraints={"flops": 600e6})
        for _ in range(trials + WINDOW):
            start = time.perf_counter()
            archs = sanas.next_archs()
            between = time.perf_counter()
            score = -abs(math.log(archs.cost().flops / 3e8)) + noise.gauss(0, 0.1)
            resumed = time.perf_counter()
            sanas.reward(score)
            taken.append(time.perf_counter() - resumed + between - start)
        size = Path(folder, "sanas.journal").stat().st_size
    print(f"\nnext_archs + reward with a file record\n{'trials':<10}{'median':>10}{'against 0':>12}")
    first = 0.0
    for at in (0, trials // 10, trials):
        median = 1e3 * statistics.median(taken[at : at + WINDOW])
        first = first or median
        print(f"{at:<10}{median:>7.2f} ms{median / first:>11.2f}x")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGA
    print(
        f"memory of the driver {memory:.0f} MB, record {size / MEGA:.0f} MB, Paddle imported: {'paddle' in sys.modules}"
    )


def in_a_process_of_its_own(*arguments: str) -> None:
    """Run this script again, so that time and memory are of that part alone."""
    subprocess.run([sys.executable, __file__, *arguments], check=True)


def main_job(steps: int) -> None:
    """Peak memory of ``sanas search`` with fewer steps."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command = [
            sys.executable,
            "-m",
            "sanas_spaces.cli",
            "search",
            "--steps",
            str(steps),
            "--output",
            f"{folder}/run",
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / MEGA
    print(f"\nsanas search --steps {steps}: {seconds:.0f} s, peak memory {peak:.0f} MB")


def import_time() -> None:
    """Seconds of ``import sanas_spaces`` in fresh interpreters, less what an interpreter takes anyway."""
    empty = median_ms(lambda: subprocess.run([sys.executable, "-c", ""], check=True), 5)
    full = median_ms(lambda: subprocess.run([sys.executable, "-c", "import sanas_spaces"], check=True), 5)
    print(f"import sanas_spaces: {full - empty:.0f} ms")


def main() -> None:
    """Run all parts, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "part", nargs="?", choices=["cost", "driver", "job"], help="by default all, one after the other"
    )
    parser.add_argument("--trials", type=int, default=10_000, help="size to which the record grows")
    parser.add_argument("--steps", type=int, default=5, help="candidates of the main job")
    options = parser.parse_args()
    if options.part == "cost":
        cost_against_building()
    elif options.part == "driver":
        driver(options.trials)
    elif options.part == "job":
        main_job(options.steps)
    else:
        import_time()
        in_a_process_of_its_own("cost")
        in_a_process_of_its_own("driver", "--trials", str(options.trials))
        in_a_process_of_its_own("job", "--steps", str(options.steps))


if __name__ == "__main__":
    main()
