"""A search for a part of a network: stem and head are yours, and stay; what stands between them is searched.

Two block spaces follow each other, MobileNetV2's and ResNet's. The bound of FLOPs is for the whole network.
"""

from sanas_spaces import NetArch, ops, search
from sanas_spaces.evaluate import ImageClassification, load_dataset

CANDIDATES = 4
EPOCHS = 2
STEM_CHANNELS = 16
SPACES = [
    ("MobileNetV2BlockSpace", {"block_mask": [0, 1]}),  # two blocks, the second one halves the feature map
    ("ResNetBlockSpace2", {"block_mask": [1]}),
]


class WithStemAndHead:
    """Tells the accuracy of a candidate between the stem and the head, and the cost of all three."""

    def __init__(self, dataset, epochs):
        self.train = ImageClassification(dataset, epochs=epochs)  # puts pooling and a linear layer on what it is given
        self.input_shape = dataset.image_shape

    def with_stem(self, archs):
        def body(image):
            x = ops.conv_bn(image, STEM_CHANNELS, 3, act="relu6", name="stem")
            return archs(x)

        return NetArch(body, described=True, name="stem and blocks", input_shape=self.input_shape)

    def cost(self, archs):
        return self.train.cost(self.with_stem(archs))

    def __call__(self, candidate):
        return self.train(self.with_stem(candidate.archs))


def report(result, candidate):
    print(f"tokens {candidate.tokens}  accuracy {candidate.reward:.3f}  FLOPs {candidate.cost.flops:,}", flush=True)


def main():
    evaluator = WithStemAndHead(load_dataset("digits"), EPOCHS)
    result = search(SPACES, evaluator, steps=CANDIDATES, constraints={"flops": 500e3}, seed=0, callbacks=[report])
    for name, value in result.best.choices.items():
        print(f"  {name}: {value}")
    print(f"best   {result.best.tokens}  accuracy {result.best.reward:.3f}")
    print(evaluator.with_stem(result.best.archs).table())


if __name__ == "__main__":
    main()
