"""`python -m headworks.entrypoints.cli` is the `headworks` command."""

from headworks.entrypoints.cli.app import main

main()
