"""Many runs of one notebook from a small YAML file: planned, executed side by side, resumed."""
