"""What fills the ledger's ports. Only `bootstrap` imports from here."""
