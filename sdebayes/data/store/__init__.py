"""Embeddings of a corpus that memory does not hold: a zarr directory, written block by block, read lazily."""
