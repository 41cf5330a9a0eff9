"""What is asked of identity."""
