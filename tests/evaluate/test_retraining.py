"""Training for long: the schedule, augmentation, intervals, and going on after a kill as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanas_spaces import CombinedSpace
from sanas_spaces.errors import ConfigError, ExportError, RecordError
from sanas_spaces.evaluate import ImageDataset, Recipe, load_dataset, retrain, wilson_interval
from sanas_spaces.evaluate.retraining import CHECKPOINT, augmented

CONFIGS = [("MobileNetV2BlockSpace", {"block_mask": [1]})]
RECIPE = Recipe(epochs=3, warm_up=1, crop=1, learning_rate=0.2)
TRAIN = """
import sys, time
from pathlib import Path
import numpy as np
from sanas_spaces import CombinedSpace
from sanas_spaces.evaluate import Recipe, load_dataset, retrain
archs = CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [1]})]).token2arch([0, 3, 0, 0])
recipe = Recipe(epochs=3, warm_up=1, crop=1, learning_rate=0.2)
slow = (lambda: time.sleep(0.05)) if len(sys.argv) > 2 else None
trained = retrain(archs, load_dataset("digits"), recipe, folder=Path(sys.argv[1]), on_step=slow)
np.savez(Path(sys.argv[1]) / "final.npz", **trained.weights())
"""


@pytest.fixture(scope="module")
def digits() -> ImageDataset:
    return load_dataset("digits")


def archs() -> object:
    return CombinedSpace(CONFIGS).token2arch([0, 3, 0, 0])


@pytest.fixture(scope="module")
def uninterrupted(digits: ImageDataset) -> dict[str, np.ndarray]:
    losses: list[float] = []
    trained = retrain(archs(), digits, RECIPE, on_epoch=lambda epoch, count, loss: losses.append(loss))
    assert losses == sorted(losses, reverse=True)
    assert trained.accuracy(digits.test) > 0.2
    return trained.weights()


def test_a_training_that_is_stopped_goes_on_as_if_it_had_not(
    digits: ImageDataset, uninterrupted: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """In the middle of the second epoch, and again after the last one."""
    steps = iter(range(35))

    class Stop(Exception):
        pass

    def stop() -> None:
        if next(steps, None) is None:
            raise Stop

    with pytest.raises(Stop):
        retrain(archs(), digits, RECIPE, folder=tmp_path, on_step=stop)
    epochs: list[int] = []
    for _ in range(2):
        trained = retrain(archs(), digits, RECIPE, folder=tmp_path, on_epoch=lambda epoch, *_: epochs.append(epoch))
        for name, value in trained.weights().items():
            np.testing.assert_array_equal(value, uninterrupted[name], err_msg=name)
    assert epochs == [2, 3]


def test_a_process_that_is_killed_goes_on(uninterrupted: dict[str, np.ndarray], tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRAIN, str(tmp_path)]
    child = subprocess.Popen([*command, "slowly"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (tmp_path / CHECKPOINT).exists() and child.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (tmp_path / "final.npz").exists()
    subprocess.run(command, check=True, capture_output=True)
    with np.load(tmp_path / "final.npz") as final:
        assert set(final.files) == set(uninterrupted)
        for name in final.files:
            np.testing.assert_array_equal(final[name], uninterrupted[name], err_msg=name)


def test_checkpoints_of_others_and_damage_are_refused(digits: ImageDataset, tmp_path: Path) -> None:
    short = replace(RECIPE, epochs=1, warm_up=0)
    retrain(archs(), digits, short, folder=tmp_path)
    with pytest.raises(RecordError, match="checkpoint of another network, recipe or data set"):
        retrain(archs(), digits, replace(short, seed=1), folder=tmp_path)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ExportError, match="cannot be read"):
        retrain(archs(), digits, short, folder=tmp_path)


def test_learning_rate_rises_and_follows_a_cosine() -> None:
    recipe = Recipe(epochs=10, warm_up=2, learning_rate=0.3)
    rates = [recipe.learning_rate_at(step, 5) for step in range(50)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[10] == max(rates) == pytest.approx(0.3)
    assert rates[30] == pytest.approx(0.15)
    assert 0 < rates[0] < 0.03
    assert 0 < rates[-1] < 0.001
    assert Recipe(epochs=1, warm_up=3).learning_rate_at(0, 5) == pytest.approx(0.1)


def test_images_are_cropped_and_flipped() -> None:
    images = np.arange(2 * 1 * 4 * 4, dtype=np.float32).reshape(2, 1, 4, 4) + 1
    same = augmented(images, Recipe(), np.random.default_rng(0))
    np.testing.assert_array_equal(same, images)
    rng = np.random.default_rng(0)
    seen = {augmented(images, Recipe(flip=True), rng)[0].tobytes() for _ in range(30)}
    assert seen == {images[0].tobytes(), np.ascontiguousarray(images[0, :, :, ::-1]).tobytes()}
    seen = {augmented(images, Recipe(crop=1), rng)[0].tobytes() for _ in range(200)}
    assert len(seen) == 9
    down = np.zeros((1, 4, 4), np.float32)
    down[:, 1:] = images[0, :, :-1]
    assert down.tobytes() in seen


def test_the_usual_recipe_does_not_flip_digits(digits: ImageDataset) -> None:
    assert Recipe.for_data(digits) == Recipe(crop=1, flip=False)
    assert Recipe.for_data(replace(digits, name="photos"), epochs=None, crop=3) == Recipe(crop=3, flip=True)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "epochs = 0: expected a whole number from 1"),
        ({"crop": 1.5}, "crop = 1.5"),
        ({"label_smoothing": 1.0}, "label_smoothing = 1.0: expected a number from 0 to below 1"),
        ({"learning_rate": float("nan")}, "learning_rate = nan"),
    ],
)
def test_recipes_are_checked(setting: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Recipe(**setting)  # type: ignore[arg-type]


def test_interval_by_hand() -> None:
    """Figures of Newcombe, Statistics in Medicine 17, 1998, table I."""
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson_interval(29, 29)[1] == 1.0
    with pytest.raises(ConfigError):
        wilson_interval(3, 2)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_holds_the_share_and_narrows(counts: tuple[int, int]) -> None:
    correct, count = counts
    low, high = wilson_interval(correct, count)
    assert 0 <= low <= correct / count + 1e-12
    assert correct / count - 1e-12 <= high <= 1
    wider = wilson_interval(correct, count, 0.99)
    assert wider[0] <= low
    assert wider[1] >= high
    more = wilson_interval(4 * correct, 4 * count)
    assert more[1] - more[0] < high - low
