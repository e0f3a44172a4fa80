"""`python -m realign` is the command `realign`."""

from realign.cli import main

main()
