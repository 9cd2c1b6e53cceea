"""Readers and writers of file formats: text in, readable records out."""
