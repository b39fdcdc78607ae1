"""Inside the store: the embedded server, connections, migrations, and how rows are merged and added."""
