"""Before and after: talking to both, and scoring both."""
