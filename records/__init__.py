"""The records of a run: what harness/ writes and stats/ reads (see README.md)."""
