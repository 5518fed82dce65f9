"""The report of a run: what was measured, what was not, in words, pictures and tables, as HTML and as PDF."""
