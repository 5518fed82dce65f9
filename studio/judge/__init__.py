"""Another model as the judge: what it is asked, when its word counts, and whether it judges as the person does."""
