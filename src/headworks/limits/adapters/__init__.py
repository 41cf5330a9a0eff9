"""Where limits are kept."""
