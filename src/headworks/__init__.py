"""Headworks: one OpenAI-compatible endpoint in front of any model, with exact accounting."""

__version__ = "0.1.0"
"""The same as the workspace's in Cargo.toml, as a test makes sure."""
