"""The best network of a search in all formats, and each of them used: without the search, and without its space.

After `sanas search`, `sanas export RUN` does the same. ONNX is written where it is installed: sanas-spaces[onnx].
"""

import importlib.util
from pathlib import Path

import paddle

from sanas_spaces import load_arch, search
from sanas_spaces.evaluate import ImageClassification, load_dataset, score_inference_model

CANDIDATES = 2
EPOCHS = 2
SPACE = [("MobileNetV2BlockSpace", {"block_mask": [1, 0, 1]})]
FOLDER = Path("runs/exported")


def read_python(path):
    """The class in a file of Python source; usually you would copy the file into your project and import it."""
    spec = importlib.util.spec_from_file_location("network", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Network


def main():
    dataset = load_dataset("digits")
    evaluator = ImageClassification(dataset, epochs=EPOCHS)
    result = search(SPACE, evaluator, steps=CANDIDATES, constraints={"flops": 200e3}, seed=0)
    trained = evaluator.train_best(result.best.archs)

    network = {"weights": trained.weights(), "num_classes": dataset.num_classes, "input_shape": dataset.image_shape}
    written = result.export(FOLDER, **network) | result.export(FOLDER, ["python"], **network)
    for name, path in written.items():
        print(f"{name:<8} {path} ({path.stat().st_size:,} bytes)")

    images, labels = dataset.test.images, dataset.test.labels
    print(f"as trained:        accuracy {trained.accuracy(dataset.test):.3f}")
    print(f"Paddle inference:  accuracy {score_inference_model(FOLDER / 'network', dataset.test):.3f}")

    arch = load_arch(written["json"])  # needs this library, but neither the search nor the space
    print(f"architecture file: {arch.cost().flops:,} FLOPs, tokens {arch.tokens}")

    layer = read_python(written["python"])()  # needs Paddle and nothing else
    layer.set_state_dict(paddle.load(str(written["weights"])))
    layer.eval()
    predicted = layer(paddle.to_tensor(images)).numpy().argmax(axis=1)
    print(f"Python source:     accuracy {(predicted == labels).mean():.3f}")

    if "onnx" in written:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(written["onnx"]), providers=["CPUExecutionProvider"])
        (logits,) = session.run(None, {"image": images})
        print(f"ONNX:              accuracy {(logits.argmax(axis=1) == labels).mean():.3f}")


if __name__ == "__main__":
    main()
