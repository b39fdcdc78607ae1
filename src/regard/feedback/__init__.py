"""What happened next: today releases, which later loops retrain, compare and promote."""
