"""Records -> tidy table -> estimates -> tables, figures, report; README.md describes the layers."""
