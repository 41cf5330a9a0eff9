"""Usage with many records: how fast they are stored and added up, and how long reports take then."""
