"""What fills the catalog's ports. Only `bootstrap` imports from here."""
