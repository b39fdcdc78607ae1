"""The words that everyone says: values and protocols. No I/O, no clock, no framework."""
