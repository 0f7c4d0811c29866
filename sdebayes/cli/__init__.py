"""The command line: ``sdebayes embed | fit | report | simulate | score | compare | demo``."""
