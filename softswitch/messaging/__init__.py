"""Text messages (RFC 3428): delivered now, or kept until the person's phones are there."""
