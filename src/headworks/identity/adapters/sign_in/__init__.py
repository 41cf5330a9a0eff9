"""Where sign-in is kept: `sql` for use, `memory` as its twin in tests; and bcrypt."""
