"""Pictures of a run for papers and slides: one module per plot, with the numbers that the HTML page shows."""
