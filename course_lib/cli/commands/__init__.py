"""One module a command, each with a function ``command`` and, for examples, a text ``EPILOG``."""
