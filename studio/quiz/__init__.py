"""What a model forgot while it learned: the same questions about everything, before and after."""
