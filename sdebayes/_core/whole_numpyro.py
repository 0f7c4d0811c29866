"""NumPyro, loaded as a whole before any of its parts is imported.

ArviZ puts a module in NumPyro's place that loads NumPyro when it is first read. Where a part of NumPyro is imported
first, Python loads that part twice, and the second one lacks the modules within it.
"""

import numpyro

VERSION = numpyro.__version__
