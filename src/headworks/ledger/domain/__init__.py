"""Pure rules of the ledger: postings, periods, what a budget allows, what is granted of it, what has to be told."""
