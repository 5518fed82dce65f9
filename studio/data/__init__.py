"""From a file on disk to token ids: reading, recognising, auditing, splitting, labelling."""
