"""How right answers are, and how sure one can be. `measures.MEASURES` is the one table of all measures."""
