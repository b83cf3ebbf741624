"""A search for a whole network: the stages of MobileNetV2, within a bound of FLOPs, trained on real digits."""

from itertools import groupby

from sanas_spaces import CombinedSpace, search
from sanas_spaces.evaluate import ImageClassification, load_dataset

CANDIDATES = 4
EPOCHS = 2
SIZE = 16  # of the images; MobileNetV2 halves them five times
FLOPS = 1e6
SPACE = ["MobileNetV2Space"]


def show(choices):
    """One line per stage."""
    for stage, labels in groupby(choices, lambda label: " ".join(label.split()[:2])):
        print(f"  {stage}: " + ", ".join(f"{label.removeprefix(stage).strip()} {choices[label]}" for label in labels))


def report(result, candidate):
    cost = candidate.cost
    print(f"accuracy {candidate.reward:.3f}  FLOPs {cost.flops:>9,}  parameters {cost.params:>9,}", flush=True)


def main():
    evaluator = ImageClassification(load_dataset("digits", image_size=SIZE), epochs=EPOCHS)
    initial = CombinedSpace(SPACE).token2arch()
    print(f"MobileNetV2 has {evaluator.cost(initial).flops:,} FLOPs here, and no candidate more than {FLOPS:,.0f}")
    result = search(SPACE, evaluator, steps=CANDIDATES, constraints={"flops": FLOPS}, seed=0, callbacks=[report])

    print(f"best   {result.best.tokens}")
    show(result.best.choices)
    trained = evaluator.train_best(result.best.archs)  # for longer, and on the validation images, too
    print(f"on test images it has the accuracy {trained.accuracy(evaluator.dataset.test):.3f}")


if __name__ == "__main__":
    main()
