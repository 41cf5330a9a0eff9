"""Pure rules: what a key looks like and may do, what roles may do, and how addresses and invitations are written."""
