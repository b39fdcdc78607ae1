"""What we know: import, store, catalogue, features, snapshots, artifacts."""
