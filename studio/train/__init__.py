"""What is asked of a run, and what it tells while it trains."""
