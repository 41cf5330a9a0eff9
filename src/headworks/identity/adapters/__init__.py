"""Where identity is kept: `sql` for use, `memory` as its twin in tests. Only bootstrap imports from here."""
