"""Taking the tuned model home."""
