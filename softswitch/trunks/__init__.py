"""Lines to the public network: registered or known by address, watched, counted."""
