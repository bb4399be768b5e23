"""Judge evidence with every check and fold the findings into a diagnosis."""
