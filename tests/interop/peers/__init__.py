"""One driver a file for each outside program."""
