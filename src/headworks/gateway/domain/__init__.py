"""Pure rules: who is refused and in which words, which names a key may use, and what a flow holds."""
