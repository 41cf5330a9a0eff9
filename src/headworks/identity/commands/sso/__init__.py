"""Single sign-on: connections to directories, and signing in by one of them."""
