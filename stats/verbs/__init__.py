"""One file per verb of stats.py; the file's name is the verb's."""
