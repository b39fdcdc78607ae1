"""HTTP: one file per group of routes; every route names the role that it needs."""
