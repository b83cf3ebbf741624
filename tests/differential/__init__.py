"""The networks here against those of PaddleSlim 2.6.0, run side by side: ``python -m tests.differential``."""
