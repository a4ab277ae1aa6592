"""Many at once, over HTTP, on one server process and on two that share a database."""
