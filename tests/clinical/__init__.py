"""Textbook cases by hand: what must alert, what must not, each with its reference."""
