"""One allocation trace: its file, its summary, its figures."""
