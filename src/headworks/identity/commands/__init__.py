"""Use cases that change identity. Each takes an open transaction; the door that opened it commits."""
