"""Checked agreement to plan."""
