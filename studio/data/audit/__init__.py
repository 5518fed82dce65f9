"""What is wrong with a data set. `checks.CHECKS` is the one table of all checks."""
