"""`python -m hiso`: the command line."""

from hiso.commands import main

main()
