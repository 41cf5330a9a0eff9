"""What tests share: twins, and real processes on loopback."""
