"""The edge: processes, clocks, environment, people at a terminal."""
