"""report.html, one self-contained page: page.py gathers its data, page.html.j2 lays it out."""
