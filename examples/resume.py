"""A search that is stopped in the middle and gone on with: it proposes what it would have proposed without the stop.

The candidates are scored without training, so that this takes seconds; with training it is the same.
"""

import shutil
from pathlib import Path

from sanas_spaces import search
from sanas_spaces.evaluate import ZeroCost, load_dataset

CANDIDATES = 12
STOP_AFTER = 5
SPACE = [("MobileNetV2BlockSpace", {"block_mask": [1, 0, 1]})]
FOLDER = Path("runs/resumed")  # the record, written as the search goes: a kill or a power cut does no more than Ctrl-C


def stop(result, candidate):
    if candidate.number == STOP_AFTER:
        raise KeyboardInterrupt  # what Ctrl-C raises


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    score = ZeroCost("naswot", load_dataset("digits"))
    settings = {"steps": CANDIDATES, "constraints": {"flops": 200e3}}
    whole = search(SPACE, score, **settings, seed=1)

    try:
        search(SPACE, score, **settings, seed=1, folder=FOLDER, on_start=stop)
    except KeyboardInterrupt:
        print(f"stopped while candidate {STOP_AFTER} was evaluated; the record is {FOLDER / 'search.journal'}")

    # the seed is in the record; steps are the same, or more
    resumed = search(SPACE, score, **settings, folder=FOLDER, resume=True)
    for one, other in zip(whole.history, resumed.history, strict=True):
        same = "same" if one["tokens"] == other["tokens"] else "OTHER"
        print(f"{other['number']:>2} {other['state']}  {other['reward']:.3f}  {same} tokens as without the stop")
    print(f"best   {resumed.best.tokens}  score {resumed.best.reward:.3f}")


if __name__ == "__main__":
    main()
