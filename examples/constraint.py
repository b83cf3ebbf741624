"""A search in which no candidate is larger than allowed, however rare such networks are."""

import numpy as np

from sanas_spaces import search
from sanas_spaces.errors import ConstraintError
from sanas_spaces.evaluate import ImageClassification, load_dataset

CANDIDATES = 4
EPOCHS = 2
SPACE = [("MobileNetV2BlockSpace", {"block_mask": [1, 0, 1]})]
BOUNDS = {"flops": 200e3, "params": (8e3, 16e3)}  # at most; from, to


def report(result, candidate):
    cost = candidate.cost
    print(f"accuracy {candidate.reward:.3f}  FLOPs {cost.flops:>7,}  parameters {cost.params:>6,}", flush=True)


def main():
    evaluator = ImageClassification(load_dataset("digits"), epochs=EPOCHS)
    result = search(SPACE, evaluator, steps=CANDIDATES, constraints=BOUNDS, seed=0, callbacks=[report])
    print(f"best   {result.best.tokens}  accuracy {result.best.reward:.3f}")

    rng = np.random.default_rng(0)
    costs = [evaluator.cost(result.space.token2arch(result.space.table.random(rng))) for _ in range(500)]
    low, high = BOUNDS["params"]
    allowed = sum(cost.flops <= BOUNDS["flops"] and low <= cost.params <= high for cost in costs)
    print(f"of {len(costs)} random networks {allowed} meet the bounds")

    try:
        search(SPACE, evaluator, constraints={"flops": 1e3})
    except ConstraintError as error:
        print(f"known before anything is trained: {error}")


if __name__ == "__main__":
    main()
