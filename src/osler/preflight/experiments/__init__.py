"""One experiment per file, found by walking this package.

A file offers ``QUESTION`` (what is asked), ``COST`` (turns of the loop that it takes, at most),
``reason`` (why it cannot be asked here, empty if it can) and ``perform``, a generator: it yields the
`Turn` that the loop is to make, receives what was `Seen`, and returns an `Outcome`.
"""
