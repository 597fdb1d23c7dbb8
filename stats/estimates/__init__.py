"""From the tidy table to ratios with intervals and verdicts."""
