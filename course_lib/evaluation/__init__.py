"""Scores of predictions against gold, each with its interval. No models in here."""
