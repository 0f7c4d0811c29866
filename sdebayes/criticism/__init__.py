"""Where data depart from a model: statistics of data beside those of replicates, as numbers."""
