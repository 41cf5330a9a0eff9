"""The catalog's pure rules: names, addresses, references, prices, and how a name finds its targets."""
