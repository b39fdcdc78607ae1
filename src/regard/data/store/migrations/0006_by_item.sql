-- Events of an item: its deletion would else read the whole log, and whoever writes items waits for it meanwhile.
CREATE INDEX events_by_item ON events (item_row);
