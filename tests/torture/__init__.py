"""Messages that parsers stumble over: those of RFC 4475 and RFC 5118, and some more, a table row each."""
