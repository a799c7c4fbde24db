"""Kernel forwarding: nftables moves the packets of a stream whose parties are both known, and no process looks at them."""
