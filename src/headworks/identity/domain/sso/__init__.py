"""Rules of single sign-on: what a connection may be, what a directory proves, which role it gives, where one goes back to."""
