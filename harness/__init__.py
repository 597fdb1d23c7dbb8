"""The runner of alloclab: experiment -> plan -> processes -> raw records."""
