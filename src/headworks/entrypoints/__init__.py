"""A process per file, and the command line, which is a client of the HTTP API."""
