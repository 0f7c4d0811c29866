"""Types, errors, dimension names, linear algebra and numerical precision: what every floor above rests on."""
