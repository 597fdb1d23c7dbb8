"""Measures: experiment -> plan -> processes -> records."""
