"""Data read some at a time: in an order that is drawn anew for each epoch, or all of them once for a density."""
