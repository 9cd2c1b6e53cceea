"""What a model has to beat: rules and dictionaries, as good as they honestly get."""
