"""The ledger: what was used is settled in it, budgets are granted from it, and it shows that every figure adds up."""
