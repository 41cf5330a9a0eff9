"""End to end: real processes, real sockets, the official SDKs."""
