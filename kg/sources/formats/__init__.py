"""Readers of file formats, each used by the adapters whose files have that format."""
