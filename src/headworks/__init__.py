"""Headworks: one OpenAI-compatible endpoint in front of any model, with exact accounting."""
