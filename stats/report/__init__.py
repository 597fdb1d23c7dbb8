"""report.html: one self-contained page. build.py gathers, page.html.j2 lays out, page.css and
page.js dress it.
"""
