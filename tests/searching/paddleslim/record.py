"""Record a checkpoint of PaddleSlim 2.6.0's SANAS, for ``tests/searching/test_paddleslim_checkpoint.py``.

Needs the environment that ``tests/golden/record.py`` describes; there::

    FLAGS_enable_pir_api=0 python tests/searching/paddleslim/record.py

writes ``sanas.checkpoints`` beside this file anew.
"""

from __future__ import annotations

from pathlib import Path

STEPS = 12
SKIPPED = (3, 7)


def main() -> None:
    """Search for some steps, leave some candidates without a reward, and keep the checkpoint."""
    import numpy as np
    from paddleslim.nas import SANAS

    np.random.seed(0)  # PaddleSlim draws from NumPy's global state
    sanas = SANAS([("ResNetBlockSpace", {"block_mask": [1, 0]})], ("127.0.0.1", 18731), 5.0, 0.9, 100,
                  save_checkpoint=str(Path(__file__).parent))  # fmt: skip
    for step in range(STEPS):
        sanas.next_archs()
        if step not in SKIPPED:
            sanas.reward(-1.0 if step == 5 else float(sum(sanas._current_tokens)))


if __name__ == "__main__":
    main()
