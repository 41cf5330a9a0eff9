"""What fills the controller's ports. Only `bootstrap` imports from here."""
