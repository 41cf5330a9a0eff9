"""The management API at scale: many organisations, many keys, and fifty clients that read and write at once."""
