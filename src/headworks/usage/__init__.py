"""Usage: every request that was served, once, with what it cost; and totals of that for reports."""
