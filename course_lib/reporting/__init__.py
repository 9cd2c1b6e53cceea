"""Figures, tables, highlighted text, run folders and HTML pages."""
