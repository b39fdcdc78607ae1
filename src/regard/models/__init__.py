"""What is fitted: one file per model, named as the papers name it."""
