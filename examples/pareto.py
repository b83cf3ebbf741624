"""A search with two goals, accuracy and few FLOPs: its Pareto front, and the one in the middle of it."""

from pathlib import Path

from sanas_spaces import plots, search
from sanas_spaces.evaluate import ImageClassification, load_dataset

CANDIDATES = 10
EPOCHS = 2
SPACE = [("MobileNetV2BlockSpace", {"block_mask": [1, 0, 1]})]
GOALS = {"accuracy": "max", "flops": "min"}  # the evaluator tells the one, the cost of a network the other
PLOT = Path("runs/pareto/front.png")


def main():
    evaluator = ImageClassification(load_dataset("digits"), epochs=EPOCHS)
    result = search(SPACE, evaluator, objectives=GOALS, steps=CANDIDATES, constraints={"params": 50e3}, seed=0)

    print(f"{len(result.pareto_front)} of {len(result.history)} candidates are on the front:")
    for candidate in result.pareto_front:
        accuracy, flops = candidate.values
        mark = "  <- knee" if candidate.number == result.knee.number else ""
        print(f"accuracy {accuracy:.3f}  FLOPs {flops:>9,.0f}  tokens {candidate.tokens}{mark}")
    print("hypervolume", " ".join(f"{volume:.3g}" for volume in result.hypervolume()))

    PLOT.parent.mkdir(parents=True, exist_ok=True)
    plots.plot_cost(result, PLOT, cost="flops")
    print(f"drawn in {PLOT}")


if __name__ == "__main__":
    main()
