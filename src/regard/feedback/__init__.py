"""What happened next: rewards, drift, off-policy evaluation, experiments, and releases behind a gate."""
