"""What both programs, harness.sh and stats.py, need beside the records."""
