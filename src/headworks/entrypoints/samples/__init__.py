"""Samples of everything for an installation that is to be shown or tried: `make seed-mock-data`.

`plan` says what there is to be; `people`, `catalog`, `keys` and `traffic` make what is not there yet, each over the HTTP API with
the command line's own client. `__main__` goes through them.
"""
