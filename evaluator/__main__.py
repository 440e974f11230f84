"""`python -m evaluator`: the same program as the installed command `evaluator`."""

from evaluator.cli import main

main()
