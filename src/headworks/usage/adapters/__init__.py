"""What fills usage's ports. Only `bootstrap` imports from here."""
