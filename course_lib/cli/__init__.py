"""The command ``course``. Thin: each command calls the package, and nothing heavy is imported before it is called."""
