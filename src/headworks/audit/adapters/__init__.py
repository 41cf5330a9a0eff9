"""Trails in databases and in memory."""
