"""The report that one looks at: one HTML page that needs no network and no server."""
