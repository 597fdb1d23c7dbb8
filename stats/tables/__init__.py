"""Tables for readers, with the raw numbers beside them."""
