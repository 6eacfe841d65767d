"""ClickHouse: schema, insert, windows, queries. The same SQL embedded (chDB) and on a server."""
