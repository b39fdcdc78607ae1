"""How good: exact metrics, time-aware splits, tables with intervals, a town of synthetic people."""
