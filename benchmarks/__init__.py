"""Benchmarks: public data, a fixed protocol, peers in the same run, one command: `python -m benchmarks B1`."""
