"""Raw records -> tidy table -> estimates -> tables, figures, report, comparison.

`load` reads a run directory, `study` derives and estimates everything once, and the verbs in
`verbs/` print, draw or write it. Each step takes a DataFrame and gives one; nothing here changes
what was measured.
"""
