"""Who is reachable where: digest authentication and bindings (RFC 3261 §10, §22)."""
