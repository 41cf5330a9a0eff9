"""Long proofs, with a short form that is a test: kills, soak, revocation."""
