"""``python -m sanas_spaces.cli``."""

from . import main

main()
