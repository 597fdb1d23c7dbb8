"""From records to the tidy table, and the names, roles and units of what it holds."""
