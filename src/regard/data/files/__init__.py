"""From bytes to named tables: opening, reading, recognising what people keep their data in."""
