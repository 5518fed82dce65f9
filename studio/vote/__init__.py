"""The blind vote: two answers whose makers are hidden, what was chosen, and what the choices tell."""
